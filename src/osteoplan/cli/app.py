"""The command line: every command is registered here, and every failure ends in one line."""

from __future__ import annotations

from collections.abc import Sequence

from cyclopts import CycloptsError

from osteoplan.cli import (
    ablation,
    cases,
    clinical,
    knowledge,
    plans,
    preferences,
    proofs,
    sheets,
    value,
    ways,
)
from osteoplan.cli.root import BAD_INPUT, DONE, app
from osteoplan.errors import BadInput, Cancelled, NotAvailable
from osteoplan.io.places import sentence_of

__all__ = ["app", "run"]

# importing them registers their commands
COMMANDS = (cases, plans, ways, ablation, sheets, clinical, knowledge, preferences, value, proofs)


def run(arguments: Sequence[str]) -> int:
    """Run one command; every failure that is the input's is one line and exit status 2."""
    from osteoplan.cli.console import err

    try:
        status = app(list(arguments), exit_on_error=False, print_error=False)
    except CycloptsError as why:
        return _refuse(f"{str(why).splitlines()[0]} See 'osteoplan --help'.")
    except (BadInput, NotAvailable) as why:
        return _refuse(" ".join(str(why).split()))
    except (Cancelled, KeyboardInterrupt):
        err.print("osteoplan: stopped; nothing was written", markup=False)
        return 130
    except BrokenPipeError:
        return DONE
    except OSError as why:  # the disk filled up, a folder was taken away: the system says what
        return _refuse(sentence_of(why))
    return status if isinstance(status, int) else DONE


def _refuse(sentence: str) -> int:
    from osteoplan.cli.console import err

    err.print(f"osteoplan: {sentence}", markup=False, soft_wrap=True)
    return BAD_INPUT
