"""Progress and cancelling: one small protocol between the verbs and whoever waits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Protocol

from osteoplan.errors import Cancelled, OnStep

__all__ = ["Progress", "Span", "quiet", "shared", "stage"]

Span = tuple[float, float]  # where a part of the work begins and ends, as shares of the whole


class Progress(Protocol):
    """Told what is being done, in words, and how far the whole is (0..1); False asks to stop.

    Calls come one at a time, but not all from the same thread.
    """

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


@contextmanager
def shared(progress: Progress) -> Iterator[Progress]:
    """The same watcher for several threads: never backwards, and who asks to stop, or leaves, stops all."""
    lock, furthest, stopped = Lock(), 0.0, False

    def watch(what: str, fraction: float, /) -> bool:
        nonlocal furthest, stopped
        with lock:
            furthest = max(furthest, fraction)
            stopped = stopped or not progress(what, furthest)
            return not stopped

    try:
        yield watch
    finally:
        stopped = True
