"""Progress and cancelling: one small protocol between the verbs and whoever waits."""

from __future__ import annotations

from typing import Protocol

from osteoplan.errors import Cancelled, OnStep

__all__ = ["Progress", "Span", "quiet", "stage"]

Span = tuple[float, float]  # where a part of the work begins and ends, as shares of the whole


class Progress(Protocol):
    """Told what is being done, in words, and how far the whole is (0..1); False asks to stop."""

    def __call__(self, what: str, fraction: float, /) -> bool: ...  # noqa: D102


def quiet(what: str, fraction: float, /) -> bool:
    """Nobody is watching."""
    return True


def stage(progress: Progress, what: str, start: float, end: float) -> OnStep:
    """Announce a stage and give the ``on_step`` of its kernel.

    The kernel's steps creep from ``start`` towards ``end``: an iteration count has no known end.

    Raises:
        Cancelled: the watcher asked to stop.
    """
    if not progress(what, start):
        raise Cancelled(f"stopped before: {what}")

    def on_step(step: int, residual: float) -> bool:
        return progress(what, end - (end - start) * 0.93**step)

    return on_step
