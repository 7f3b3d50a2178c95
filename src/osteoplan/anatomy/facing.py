"""Which way a vertebra faces, by the canal in its ring: a deep body on one side, a thin arch on the other.

The deepest place of a vertebra is its body in the chest and in the loin; in the neck an articular pillar
beside the canal may be as deep.  So the canal is looked for first, and for every direction from it

    s = d(towards) - d(behind) - |d(one side) - d(other side)|

with d the greatest depth of bone in a sector.  The largest s is towards the body.  Where shapes hardly tell
(a body that a lesion has emptied), the patient's own front decides.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from osteoplan.anatomy.aligned import MARGIN_MM, Aligned
from osteoplan.arrays import F32, F64, Mask
from osteoplan.knowledge.values import number
from osteoplan.model.anatomy import BoneFrame
from osteoplan.model.volume import Volume

__all__ = ["Facing", "facing", "turned_away"]

_STEP_MM, _TURNS = 1.0, 36
_SECTOR_DEG = 30.0  # half width of a sector
_FRONT = np.array([0.0, -1.0, 0.0])


@dataclass(frozen=True, eq=False)
class Facing:
    """Where the canal is, and which way the body lies from it.

    Attributes:
        canal_mm: (3,) middle of the canal, LPS.
        towards: (3,) unit vector across the spine from the canal to the body.
    """

    canal_mm: F64
    towards: F64

    def agrees(self, body_mm: F64, posterior: F64) -> bool:
        """True where a body and its way to the back are those that the canal tells."""
        return bool(self.in_front(body_mm) and -posterior @ self.towards > np.sqrt(0.5))

    def in_front(self, positions_mm: F64) -> Mask:
        """(..., 3) positions -> (...) True on the body's side of the canal, within 45 degrees."""
        offset = positions_mm - self.canal_mm
        along = offset @ self.towards
        up = np.cross(self.towards, _side(self.towards))
        flat = np.linalg.norm(offset - (offset @ up)[..., None] * up, axis=-1)
        ahead: Mask = along > np.sqrt(0.5) * flat
        return ahead


def facing(depth: Volume, superior: F64) -> Facing | None:
    """Which way a vertebra faces; None where its bone closes around nothing like a canal.

    Args:
        depth: signed distance to the vertebra's surface [mm], negative inside.
        superior: (3,) rough superior direction.
    """
    left = np.array([1.0, 0.0, 0.0]) - superior[0] * superior
    left /= np.linalg.norm(left)
    bone_mm = depth.positions_mm(np.argwhere(depth.array < 0))
    frame = BoneFrame(bone_mm.mean(axis=0), np.stack([left, np.cross(superior, left), superior]))
    local = frame.local(bone_mm)
    low, high = local.min(axis=0) - MARGIN_MM, local.max(axis=0) + MARGIN_MM
    bone = Aligned.of(depth, frame, low, high, _STEP_MM)
    canal = _canal(bone)
    if canal is None:
        return None
    across = local[:, :2] - canal[:2]
    inside = -depth.array[depth.array < 0]
    best = _towards(across, inside, frame.axes[:2] @ _FRONT)
    return Facing(frame.world(canal), best[0] * frame.axes[0] + best[1] * frame.axes[1])


def turned_away(bone: str, frame: BoneFrame) -> str | None:
    """A sentence where by its shape the back of a vertebra is not at the patient's back; None where it is."""
    turned = float(np.degrees(np.arccos(np.clip(frame.posterior[1], -1.0, 1.0))))
    if turned <= number("vertebra.facing_turn_max_deg"):
        return None
    return (
        f"{bone}: by its shape its spinous process points {turned:.0f} deg away from the patient's back: "
        "the image is mirrored front to back, or the label is not of one whole vertebra; check both"
    )


def _side(towards: F64) -> F64:
    """A horizontal unit vector across a direction."""
    side = np.cross(towards, [0.0, 0.0, 1.0])
    unit: F64 = side / np.linalg.norm(side)
    return unit


def _canal(bone: Aligned) -> F64 | None:
    """(3,) bone coordinates of the middle of the largest hole of each slice; None without any."""
    closing = number("vertebra.ring_closing_mm")
    least, most = (number(f"vertebra.canal_area_{end}_mm2") for end in ("min", "max"))
    found = []
    for k, section in enumerate(np.moveaxis(bone.depth, 2, 0)):
        hole = _largest_hole(section, closing)
        if hole is None:
            continue
        # what the closing took off all round
        area = bone.step**2 * hole.sum() + closing * 2.0 * np.sqrt(np.pi * bone.step**2 * hole.sum())
        if least <= area <= most:
            at = np.argwhere(hole).mean(axis=0) * bone.step + bone.low[:2]
            found.append([*at, bone.axis(2)[k]])
    return None if not found else np.asarray(np.median(found, axis=0))


def _largest_hole(section: F32, closing: float) -> Mask | None:
    """The largest piece of a slice that bone surrounds."""
    names, count = ndimage.label(section >= closing)
    sizes = np.bincount(names.ravel(), minlength=count + 1)
    sizes[[0, *names[0], *names[-1], *names[:, 0], *names[:, -1]]] = 0
    return None if not sizes.any() else np.asarray(names == sizes.argmax())


def _towards(across: F64, depth: F64, front: F64) -> F64:
    """(2,) unit vector to the body, of (n, 2) places about the canal and how deep they lie in bone."""
    turns = 2.0 * np.pi * np.arange(_TURNS) / _TURNS
    ways = np.stack([np.cos(turns), np.sin(turns)], axis=1)
    near = np.linalg.norm(across, axis=1)
    inside = across @ ways.T > np.cos(np.radians(_SECTOR_DEG)) * near[:, None]
    deepest = np.where(inside, depth[:, None], 0.0).max(axis=0)
    quarter = _TURNS // 4
    beside = np.abs(np.roll(deepest, quarter) - np.roll(deepest, -quarter))
    score = deepest - np.roll(deepest, 2 * quarter) - beside
    best: F64 = ways[np.argmax(score + number("vertebra.facing_prior_mm") * (ways @ front))]
    return best
