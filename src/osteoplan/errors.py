"""What can go wrong, as a tree.

    OsteoplanError
    ├── BadInput                 the user's files or facts; the shell exits 2 with the message
    │   ├── UnknownName          a key, fact, score or structure that does not exist (names its neighbour)
    │   ├── GeometryMismatch     two images that are not on one grid or not in one frame
    │   ├── LesionError          an empty lesion, one outside its bone, one on the other side
    │   └── AlreadyExists        a different result is there; --force replaces it
    ├── NotConverged             an iteration stopped short: residual, tolerance and iterations are told
    ├── NotAvailable             data or a service that this step needs is absent here
    └── Cancelled                the caller's on_step returned False

A message says what, why and what to do, in one line.  Nothing here is caught and dropped inside the library.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

__all__ = [
    "AlreadyExists", "BadInput", "Cancelled", "GeometryMismatch", "LesionError", "NotAvailable",
    "NotConverged", "OnStep", "OsteoplanError", "UnknownName", "named", "nearest",
]  # fmt: skip

_Entry = TypeVar("_Entry")
OnStep = Callable[[int, float], bool]  # (iteration, residual) -> False stops


class OsteoplanError(Exception):
    """Everything that osteoplan raises on purpose."""


class BadInput(OsteoplanError):
    """The user's files or facts cannot be used as they are."""


class UnknownName(BadInput):
    """A name that does not exist; the message names the nearest one that does."""

    def __init__(self, what: str, name: str, known: Iterable[str], where: str = "") -> None:
        place = f" in {where}" if where else ""
        super().__init__(f"unknown {what} '{name}'{place}; {nearest(name, known)}")
        self.name = name


def named(what: str, name: str, known: Mapping[str, _Entry], where: str = "") -> _Entry:
    """The one of that name.

    Raises:
        UnknownName: there is none.
    """
    if name not in known:
        raise UnknownName(what, name, known, where)
    return known[name]


class GeometryMismatch(BadInput):
    """Two images are not on the same grid, or not in the same frame of reference."""


class LesionError(BadInput):
    """The lesion cannot be what it is said to be: empty, outside its bone, or on the other side."""


class AlreadyExists(BadInput):
    """A different result is already there, and nothing was overwritten."""


class NotAvailable(OsteoplanError):
    """Something that this step needs (data, a network, a service) is absent here."""


class Cancelled(OsteoplanError):
    """The caller asked to stop."""


class NotConverged(OsteoplanError):
    """An iteration ended before it met its tolerance; ``way_out``: half a sentence of what helps."""

    def __init__(
        self, what: str, *, residual: float, tolerance: float, iterations: int, way_out: str = ""
    ) -> None:  # fmt: skip
        super().__init__(
            f"{what} did not converge: relative residual {residual:.3g} after {iterations} iterations, "
            f"{tolerance:.3g} asked{way_out}"
        )
        self.residual, self.tolerance, self.iterations = residual, tolerance, iterations


def nearest(name: str, known: Iterable[str]) -> str:
    """Half a sentence that names the nearest known name, or lists a few.

    A suggestion has the same side, level and numbers: ``vertebra_T9`` is no misspelling of ``vertebra_T8``.
    """
    fixed = _fixed(name)
    names = sorted(set(known))
    alike = [known for known in names if _fixed(known) == fixed] if fixed else names
    longer = [known for known in alike if name and known.startswith(name)]
    close = difflib.get_close_matches(name, alike, n=1, cutoff=0.7 if fixed else 0.55) or longer[:1]
    if close:
        return f"did you mean '{close[0]}'?"
    return "known: " + ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")


def _fixed(name: str) -> list[str]:
    """The words of a name that no suggestion may change: sides, levels, numbers."""
    words = re.findall(r"[a-z]*\d+|[a-z]+", name.lower())
    return sorted(word for word in words if re.fullmatch(r"left|right|[a-z]?\d{1,3}", word))
