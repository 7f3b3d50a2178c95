"""Whether the slices of a series are of one acquisition, by what their headers say of how they were made.

Along the stack an entry that comes back again and again (1 2 1 2 ...) is of several stacks pushed into one
another: phases, kernels, tube voltages.  One that changes and stays (1 1 2 2) is of passes that were joined,
which is a sound scan as long as nobody moved in between.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from osteoplan.arrays import F64
from osteoplan.io.dicom.header import Slice
from osteoplan.io.dicom.limits import Limits

__all__ = ["interleaved", "joined"]

_TIME = "time of acquisition"
# Slices of one MR series are taken in turns, in several packages: only this tells stacks apart.
_OF_MR = ("phase", "frame's phase", "cardiac phase", "echo time", "kind of image")


def interleaved(ordered: Sequence[Slice], limits: Limits) -> str:
    """Why slices in the order of their places are of several acquisitions in turn; "" where they are not."""
    words = []
    for word, entries in _entries(ordered, limits).items():
        returns = len(_changes(entries)) + 1 - len(set(entries))
        if returns >= max(2, len(entries) * limits.interleaved_pct / 100):
            words.append(word)
    if not words:
        return ""
    return (
        "it holds several acquisitions whose slices lie between each other (what alternates along the stack: "
        f"{', '.join(words)}), so they are several stacks: export each as a series of its own"
    )


def joined(ordered: Sequence[Slice], limits: Limits) -> list[str]:
    """Where along the stack one acquisition ends and the next begins, in sentences."""
    places: dict[tuple[int, ...], list[str]] = {}
    for word, entries in _entries(ordered, limits).items():
        changes = _changes(entries)
        if changes:  # words that change at the same places make one sentence
            places.setdefault(changes, []).append(word)
    notes = []
    for changes, words in places.items():
        if len(changes) == len(ordered) - 1:
            notes.append(
                f"every slice has an entry of its own for {', '.join(words)}: look for movement there"
            )
            continue
        at = ", ".join(map(str, changes[:_FEW])) + (" and more" if len(changes) > _FEW else "")
        notes.append(
            f"{len(changes) + 1} acquisitions were joined, after slice {at} of {len(ordered)} (what changes "
            f"there: {', '.join(words)}): the patient may have moved in between, look at the pictures"
        )
    return notes


_FEW = 5  # places that are named in a note


def _entries(ordered: Sequence[Slice], limits: Limits) -> dict[str, list[str]]:
    """What each slice's header says, by words."""
    if not ordered:
        return {}
    modality = ordered[0].header.modality
    words = [word for word in ordered[0].made if modality == "CT" or word in _OF_MR]
    entries = {word: [s.made[word] for s in ordered] for word in words}
    times = [s.time_s for s in ordered if s.time_s is not None]
    if modality == "CT" and len(times) == len(ordered):
        entries[_TIME] = _passes(np.array(times), limits.pass_pause_s)
    return entries


def _passes(times_s: F64, pause_s: float) -> list[str]:
    """Number of the pass that each slice was taken in: a pause parts two passes."""
    order = np.argsort(times_s, kind="stable")
    number = np.concatenate([[0], np.cumsum(np.diff(times_s[order]) > pause_s)])
    passes = np.empty(len(times_s), dtype=int)
    passes[order] = number
    return [str(n) for n in passes]


def _changes(entries: Sequence[str]) -> tuple[int, ...]:
    """After how many slices an entry differs from the one before."""
    return tuple(n for n in range(1, len(entries)) if entries[n] != entries[n - 1])
