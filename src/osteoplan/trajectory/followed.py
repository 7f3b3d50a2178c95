"""Which screw corridors can be followed with the patient as he lies, and why the others cannot."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from osteoplan.knowledge.guidance import Guidance, guidances
from osteoplan.model.plan import Point
from osteoplan.model.way import Position, Way
from osteoplan.trajectory.reach import reachable

__all__ = ["followed", "why_not"]


def followed(
    ways: Iterable[Way], guided: Sequence[Guidance], *, position: Position | None, isocentre_mm: Point | None
) -> tuple[Way, ...]:
    """The ways with what can guide them; one that nothing can guide does not fit.

    Args:
        ways: corridors; those without two ends stay as they are.
        guided: what is at hand; every guidance where none is given.
        position: of the patient; None leaves the ways as they are.
        isocentre_mm: middle of the scanner; None does not ask whether the entry lies in the bore.
    """
    return tuple(_followed(way, guided, position, isocentre_mm) for way in ways)


def why_not(
    skin_mm: npt.ArrayLike, target_mm: npt.ArrayLike, guided: Sequence[Guidance], *, position: Position,
    isocentre_mm: Point | None,
) -> dict[str, str]:  # fmt: skip
    """Guidance id -> why it cannot follow a straight device; empty words where it can.

    The device is taken to end at the skin: how far a driver stands out is not known.
    """
    entry = np.asarray(skin_mm, dtype=np.float64)
    outward = entry - np.asarray(target_mm, dtype=np.float64)
    middle = entry if isocentre_mm is None else np.asarray(isocentre_mm, dtype=np.float64)
    asked = tuple(guided) or tuple(guidances().values())
    found = {
        one.id: reachable(one, outward, position=position, outer_end_mm=entry, isocentre_mm=middle)
        for one in asked
    }
    return {id: "; ".join(reach.why()) for id, reach in found.items()}


def _followed(
    way: Way, guided: Sequence[Guidance], position: Position | None, isocentre_mm: Point | None
) -> Way:
    if position is None or way.entry_mm is None or way.target_mm is None:
        return way
    reach = why_not(
        way.skin_mm or way.entry_mm, way.target_mm, guided, position=position, isocentre_mm=isocentre_mm
    )
    told = replace(way, position=position, reach=reach)
    if not way.ok or any(not why for why in reach.values()):
        return told
    id, why = next(iter(reach.items()))
    said = f"cannot be followed with the patient {position.replace('_', ' ')}: {why} ({id.replace('_', ' ')})"
    return replace(told, status="none", fits=(), reasons=(said, *way.reasons))
