"""The one place that states the version; the build and the citation file follow it."""

__version__ = "0.1.0"
