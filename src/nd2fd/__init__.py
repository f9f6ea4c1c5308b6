"""nd2fd: near-detector data to far-detector oscillation parameters with a learned cross section."""

from importlib.metadata import version

__version__ = version("nd2fd")
