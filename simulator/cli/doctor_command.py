"""tmp."""


def doctor() -> None:
    """Check."""
