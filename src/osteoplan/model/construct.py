"""Several screws (or wires) together: where each lies, what holds it, what was checked, with numbers."""

from __future__ import annotations

from dataclasses import dataclass

from osteoplan.arrays import Point

__all__ = ["Check", "Construct", "Purchase", "Screw", "Wire"]


@dataclass(frozen=True)
class Purchase:
    """What the thread of one screw holds on to, outside the lesion.

    Attributes:
        area_mm2: of the thread's crest in sound bone, pi D L.
        mean: of the image (HU or density) over that area; None where no thread lies in sound bone.
        meaning: what ``mean`` is a mean of: ``HU``, or a density with its kind.
        pullout_N: shear of that bone times the thread's shape (Chapman); None where density is not
            calibrated, no strength law is named for the bone, or the thread's depth or pitch is unknown.
        because: why there is no pull-out force, or what it rests on.
    """

    area_mm2: float
    mean: float | None
    meaning: str
    pullout_N: float | None = None
    because: str = ""


@dataclass(frozen=True)
class Screw:
    """One screw in its place.

    Attributes:
        device: its id.
        way: id of the way that it lies in.
        approach, name, side: of that way.
        head_mm: head end, on the bone's surface; ``tip_mm``: the other end.
        length_mm: between the two, in steps of the catalogue.
        outer_diameter_mm: of the thread.
        core_diameter_mm: root of the thread; None where nobody told it.
        thread_mm: length of the thread from the tip (the whole length where it runs up to the head).
        skin_mm: where its axis leaves the skin; None where the image ends before.
        lesion_gap_mm: from its surface to the lesion; negative where it runs through it; None without lesion.
        anchor_mm: thread in sound bone on the head's side of the lesion and on the tip's side; None where it
            does not come near the lesion.
        breach: probability that an uncorrected placement touches anything, where it was worked out.
    """

    device: str
    way: str
    approach: str
    name: str
    side: str
    head_mm: Point
    tip_mm: Point
    length_mm: float
    outer_diameter_mm: float
    core_diameter_mm: float | None
    thread_mm: float
    skin_mm: Point | None
    lesion_gap_mm: float | None = None
    anchor_mm: tuple[float, float] | None = None
    purchase: Purchase | None = None
    breach: float | None = None


@dataclass(frozen=True)
class Wire:
    """A wire that stays: from the cortex (outer end) into the lesion or through it (tip)."""

    device: str
    outer_mm: Point
    tip_mm: Point
    diameter_mm: float

    @property
    def length_mm(self) -> float:
        """Between its ends."""
        return float(sum((a - b) ** 2 for a, b in zip(self.outer_mm, self.tip_mm, strict=True)) ** 0.5)


@dataclass(frozen=True)
class Check:
    """One question put to a construct: the sentence with its number, and the bound.

    Attributes:
        id: name of the limit that was asked for, e.g. ``anchor_min_mm``.
        ok: None where it cannot be told.
        hard: True where a plan that fails it cannot be done; else it is told and counts in the ranking.
    """

    id: str
    text: str
    ok: bool | None
    value: float | None = None
    bound: float | None = None
    unit: str = "mm"
    hard: bool = False
    of: tuple[str, ...] = ()


@dataclass(frozen=True)
class Construct:
    """Screws or wires that are meant to be placed together.

    Attributes:
        id: from its ways, e.g. ``lc2_left+superior_ramus_left``.
        title: what people call it, e.g. "acetabular tripod, left".
        notes: what else to know about it.
    """

    id: str
    title: str
    screws: tuple[Screw, ...] = ()
    wires: tuple[Wire, ...] = ()
    checks: tuple[Check, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """True where no hard check fails."""
        return not any(check.hard and check.ok is False for check in self.checks)

    @property
    def failed(self) -> tuple[Check, ...]:
        """Every check that fails, hard ones first."""
        return tuple(sorted((c for c in self.checks if c.ok is False), key=lambda c: not c.hard))

    @property
    def spanning(self) -> int:
        """How many screws come near the lesion."""
        return sum(screw.anchor_mm is not None for screw in self.screws)

    @property
    def breach(self) -> float | None:
        """Probability that one screw or more touches something, strays being independent; None if unknown."""
        free = 1.0
        for screw in self.screws:
            if screw.breach is None:
                return None
            free *= 1.0 - screw.breach
        return 1.0 - free

    @property
    def held(self) -> float:
        """Image value times crest area in sound bone, all screws: only orders constructs of one patient."""
        found = [screw.purchase for screw in self.screws if screw.purchase is not None]
        return sum(p.area_mm2 * max(p.mean or 0.0, 0.0) for p in found)
