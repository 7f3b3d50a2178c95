"""The shell."""


def main() -> None:
    """Run the command line."""
