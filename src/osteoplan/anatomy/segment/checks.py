"""What was grown from a point against what such a bone is: its volume, its neighbours, where it reaches.

What no such bone can be is refused; what is only unusual is a caution.  Neither is a proof of the outline:
that is looked at by a person.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from osteoplan.anatomy.segment.discs import BEHIND_MM, LEFT_MM
from osteoplan.arrays import I16, Mask
from osteoplan.errors import BadInput
from osteoplan.knowledge.values import number
from osteoplan.model.volume import Volume

__all__ = ["Grown", "check_volume", "checked_vertebra", "part_of_spine", "touching"]


@dataclass(frozen=True, eq=False)
class Grown:
    """A vertebra on the straightened spine, 1 mm.

    Attributes:
        parted: (nu, nv, n) number of the vertebra of every voxel; 0 is none.
        which: the number of the one that was grown.
        body_mm: where the middle of the bodies lies behind the canal; negative, in front.
    """

    parted: I16
    which: int
    body_mm: float


def checked_vertebra(ct: Volume, mask: Mask, bone: str, grown: Grown) -> tuple[str, ...]:
    """Cautions about a vertebra that was grown.

    Raises:
        BadInput: it is larger than any such vertebra, or reaches where no vertebra does.
    """
    own: Mask = grown.parted == grown.which
    found = [
        *check_volume(ct.with_array(mask, "mask"), bone, part_of_spine(bone)), *_beside_neighbours(grown),
        *_out_of_place(own, bone, grown.body_mm), *touching(mask),
    ]  # fmt: skip
    if own[:, :, :2].any() or own[:, :, -2:].any():
        found.append("it touches the end of the stretch that was looked at: it may be cut")
    if bone.startswith("vertebra_C"):
        found.append("growing a vertebra of the neck was not tried on real scans by this version")
    return tuple(found)


def check_volume(mask: Volume, bone: str, kind: str) -> tuple[str, ...]:
    """A caution where a bone's volume is outside of what its kind has.

    Raises:
        BadInput: it is larger than any bone of the kind can be.
    """
    volume = float(np.count_nonzero(mask.array)) * mask.voxel_volume_mm3 / 1000.0
    least, most = number(f"segment.{kind}_min_mL"), number(f"segment.{kind}_max_mL")
    if volume > number("segment.refused_share_pct") / 100.0 * most:
        raise BadInput(
            f"{bone}: what grew from the point holds {volume:.0f} mL, such a bone holds {least:.0f} to "
            f"{most:.0f} mL: it ran into something else (a vessel with contrast, metal, the next bone); give "
            "a label map"
        )
    if least <= volume <= most:
        return ()
    return (f"its volume of {volume:.0f} mL is outside {least:.0f} to {most:.0f} mL: look at the outline",)


def touching(mask: Mask) -> tuple[str, ...]:
    """A caution where a bone touches the edge of the scan."""
    edges = any(mask.take(end, axis=axis).any() for axis in range(3) for end in (0, -1))
    return ("it touches the edge of the scan: it may be cut",) if edges else ()


def part_of_spine(bone: str) -> str:
    """The stretch of the spine of a vertebra, as the numbers of ``segment`` are named."""
    level = bone.removeprefix("vertebra_")
    if level[0] in "LC":
        return "lumbar" if level[0] == "L" else "cervical"
    count = int(level[1:])
    return "upper_thoracic" if count <= 4 else "mid_thoracic" if count <= 8 else "low_thoracic"


def _beside_neighbours(grown: Grown) -> list[str]:
    """Vertebrae of one spine grow evenly from level to level; the mean of those seen whole is the measure."""
    sizes = np.bincount(grown.parted.ravel(), minlength=grown.which + 2)
    beside = [int(sizes[n]) for n in (grown.which - 1, grown.which + 1) if n > 0 and sizes[n] > 0]
    most = number("segment.beside_neighbours_max_pct")
    if not beside or 100.0 * sizes[grown.which] <= most * float(np.mean(beside)):
        return []
    share = 100.0 * sizes[grown.which] / float(np.mean(beside))
    return [f"it is {share:.0f} % of its neighbours, {most:.0f} % at most is usual: look at the outline"]


def _out_of_place(own: Mask, bone: str, body_mm: float) -> list[str]:
    """Bone far in front of the middle of the body, or far beside it before the canal: a vessel, a rib."""
    front = body_mm - BEHIND_MM > number("segment.body_front_max_mm")
    beside = (BEHIND_MM < -8.0) & (np.abs(LEFT_MM) > number("segment.body_side_max_mm"))[:, None]
    volume = float(own[front[None] | beside].sum()) / 1000.0
    if volume > number("segment.out_of_place_refused_mL"):
        raise BadInput(
            f"{bone}: {volume:.1f} mL of what grew from the point lie where no vertebral body reaches: a "
            "vessel with contrast, a rib or metal grew with it; give a label map"
        )
    if volume > number("segment.out_of_place_max_mL"):
        return [f"{volume:.1f} mL of it lie far in front of or beside the body: look at the outline"]
    return []
