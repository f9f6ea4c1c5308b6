"""Libraries that only some uses need: extras of the package, imported where they are used."""

from importlib import import_module
from typing import Any


def extra(module: str, name: str) -> Any:
    """The module of a library that the extra `name` of nd2fd brings.

    Raises
    ------
    ModuleNotFoundError
        It is not installed.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            f"{module} is not installed: pip install 'nd2fd[{name}]', or make setup in a clone"
        ) from None
