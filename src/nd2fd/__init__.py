"""nd2fd: near-detector data to far-detector oscillation parameters with a learned cross section.

What is public is in `nd2fd.api`; its names are names of this package, loaded when they are used.
"""

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nd2fd.api import *  # noqa: F403

__version__ = version("nd2fd")


def __getattr__(name: str) -> Any:
    # In two parts: the digest of a job's code follows names of modules, and none needs this one.
    public = import_module(".api", __name__)
    if name not in public.__all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(public, name)


def __dir__() -> list[str]:
    return ["__version__", *import_module(".api", __name__).__all__]
