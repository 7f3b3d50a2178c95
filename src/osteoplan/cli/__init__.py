"""The shell: thin commands over ``workflow``.

Exit status: 0 done; 2 bad input, one line; 3 finished, but an option failed; 1 our bug.
"""

from __future__ import annotations

__all__ = ["main"]


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit status."""
    import sys

    from osteoplan.cli.app import run

    return run(sys.argv[1:] if arguments is None else arguments)
