"""A spine made of known shapes, as CT and label map: T11, T12 and L1 in a trunk.  It is not a patient.

Every vertebra is a union of solids in its own coordinates (left, posterior, superior) [mm], origin at the
centre of the body, as signed distances d (negative inside):

    body       elliptic cylinder with a waist, hollow behind and on both endplates
    pedicles   elliptic tubes from the body to the arch, upper half of the body
    arch       ring behind the canal, articular and transverse processes, spinous process
    canal      elliptic tube, cut out of everything

    bone(d)  = cortex where -shell < d < 0, trabecular below, each edge a voxel wide

The stack bends by some degrees at every disc (kyphosis).  At last the image is blurred and made noisy as a
scanner would.  Names and values of the labels are those of TotalSegmentator (version 2, task total).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from osteoplan.anatomy.phantom.solids import capsule, ellipse, ellipsoid, join
from osteoplan.arrays import F32, F64, U8, Mask
from osteoplan.boxes import Box, box_of
from osteoplan.model.volume import Volume
from osteoplan.provenance import rng

__all__ = [
    "LABELS", "SPINE", "VERTEBRAE", "PhantomSpine", "PhantomVertebra", "body_centre", "bone_distance",
    "paint_spine", "spine_phantom", "vertebra_corners",
]  # fmt: skip

Level = Literal["T11", "T12", "L1"]

LABELS: Mapping[str, int] = {
    "lung_lower_lobe_left": 11,
    "lung_lower_lobe_right": 14,
    "vertebrae_L1": 31,
    "vertebrae_T12": 32,
    "vertebrae_T11": 33,
    "aorta": 52,
    "spinal_cord": 79,
}


@dataclass(frozen=True)
class PhantomVertebra:
    """Sizes of one vertebra [mm]; "half" is half of a full width."""

    body_half: tuple[float, float, float]
    transverse_reach: float
    spinous_tip: tuple[float, float]  # posterior, superior
    canal_half: tuple[float, float] = (10.0, 8.0)
    canal_centre: float = 21.5
    pedicle_half: tuple[float, float] = (4.0, 7.0)  # left, superior
    pedicle_up: float = 4.0


@dataclass(frozen=True)
class PhantomSpine:
    """Grid, sizes [mm] and HU of the phantom."""

    shape: tuple[int, int, int] = (256, 200, 72)
    spacing_mm: tuple[float, float, float] = (1.0, 1.0, 1.5)
    origin_mm: tuple[float, float, float] = (12.0, 40.0, -260.0)  # centre of the body of T12, LPS
    skin_half: tuple[float, float] = (121.0, 91.0)
    skin_centre: float = -14.0  # behind the spine's origin
    fat_mm: float = 13.0
    disc_mm: float = 5.5
    bend_deg: float = 3.0
    shell_mm: float = 1.5
    waist: float = 0.10
    cortex_HU: float = 780.0
    trabecular_HU: float = 140.0
    texture_HU: float = 30.0
    disc_HU: float = 85.0
    muscle_HU: float = 55.0
    viscera_HU: float = 40.0
    fat_HU: float = -100.0
    fluid_HU: float = 12.0
    cord_HU: float = 42.0
    aorta_HU: float = 190.0
    lung_HU: float = -860.0
    air_HU: float = -1000.0
    noise_HU: float = 12.0
    blur_mm: float = 0.5


SPINE = PhantomSpine()
VERTEBRAE: Mapping[Level, PhantomVertebra] = {
    "T11": PhantomVertebra((19.0, 14.5, 12.0), transverse_reach=29.0, spinous_tip=(55.0, -13.0)),
    "T12": PhantomVertebra((20.0, 15.0, 12.5), transverse_reach=32.0, spinous_tip=(56.0, -11.0)),
    "L1": PhantomVertebra((21.5, 16.0, 13.0), transverse_reach=40.0, spinous_tip=(58.0, -8.0)),
}


def spine_phantom(seed: int) -> tuple[Volume, Volume, dict[str, int]]:
    """The phantom as CT (int16 HU), label map (uint8) and name -> label value, on its own grid.

    The seed moves trabecular texture and noise; the shapes stay.
    """
    positions = _positions()
    texture = _smooth_noise(seed, "texture", positions[0].shape, 1.8)
    hu, labels = paint_spine(positions, {level: _box(level) for level in VERTEBRAE}, texture)
    affine = _affine()
    ct = Volume(_scanned(hu, seed), affine, "HU")
    return ct, Volume(labels, affine, "label"), dict(LABELS)


def paint_spine(positions: tuple[F32, F32, F32], boxes: Mapping[Level, Box], texture: F32) -> tuple[F32, U8]:
    """HU before the scanner, and labels, at positions from T12's body centre (left, back, up) [mm].

    Args:
        boxes: index box around each vertebra, as ``vertebra_corners`` gives its corners.
        texture: trabecular texture of sd 1 at every position.
    """
    hu, labels = _trunk(*positions)
    nearest = np.full(hu.shape, np.inf, dtype=np.float32)
    local_by_level = {level: _local(level, tuple(p[box] for p in positions)) for level, box in boxes.items()}
    for level, vertebra in VERTEBRAE.items():
        _set_canal(hu[boxes[level]], labels[boxes[level]], local_by_level[level], vertebra, level)
    for level, vertebra in VERTEBRAE.items():
        box, local = boxes[level], local_by_level[level]
        _set_disc(hu[box], local, vertebra, level)
        d = bone_distance(*local, vertebra)
        closer = d < np.minimum(nearest[box], 0.8)  # a facet belongs to the vertebra that it lies deeper in
        _set_bone(hu[box], d, texture[box], closer)
        labels[box][closer & (d < 0)] = LABELS[f"vertebrae_{level}"]
        nearest[box] = np.minimum(nearest[box], d)
    return hu, labels


def vertebra_corners(level: Level) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """Two corners of a box around a vertebra and its disc, from T12's body centre [mm]."""
    x, y, z = (float(c) for c in body_centre(level)[0])
    return (x - 48.0, y - 24.0, z - 38.0), (x + 48.0, y + 68.0, z + 38.0)


def _affine() -> F64:
    """Index -> LPS; from front to back it is the trunk that stands in the middle, not the spine."""
    middle = np.array(SPINE.origin_mm) + np.array([0.0, SPINE.skin_centre, 0.0])
    affine = np.diag([*SPINE.spacing_mm, 1.0])
    affine[:3, 3] = middle - np.array(SPINE.spacing_mm) * (np.array(SPINE.shape) - 1) / 2
    return affine


def _positions() -> tuple[F32, F32, F32]:
    """(ni, nj, nk) each: left, posterior, superior of T12's body centre [mm]."""
    affine = _affine()
    lines = [
        affine[a, 3] - SPINE.origin_mm[a] + SPINE.spacing_mm[a] * np.arange(SPINE.shape[a]) for a in range(3)
    ]
    left, back, up = (line.astype(np.float32) for line in np.meshgrid(*lines, indexing="ij"))
    return left, back, up


def _trunk(left: F32, back: F32, up: F32) -> tuple[F32, U8]:
    """Air, skin, fat, muscle, viscera, lungs and aorta, before any bone."""
    a, b = SPINE.skin_half
    behind = back - SPINE.skin_centre
    hu = np.full(left.shape, SPINE.air_HU, dtype=np.float32)
    labels = np.zeros(left.shape, dtype=np.uint8)
    skin = ellipse(left, behind, a, b)
    inside = ellipse(left, behind, a - SPINE.fat_mm, b - SPINE.fat_mm)
    hu[skin < 0] = SPINE.fat_HU
    hu[(skin < 0) & (skin > -2.0)] = SPINE.muscle_HU  # the skin itself
    hu[inside < 0] = SPINE.muscle_HU
    hollow = (ellipse(left, behind, a - 28.0, b - 28.0) < 0) & (back < 6.0)
    hu[hollow] = SPINE.viscera_HU
    around = ellipse(left, back + 16.0, 36.0, 22.0)  # fat in front of and beside the bodies
    hu[(around < 0) & (back < 4.0)] = SPINE.fat_HU
    # erectors of the spine, parted by fat
    seam = np.abs(np.hypot(np.abs(left) - 24.0, (back - 46.0) / 0.75) - 22.0) < 1.2
    hu[seam & (inside < 0) & (back > 26.0)] = SPINE.fat_HU
    for side, sign in (("left", 1.0), ("right", -1.0)):
        lung = ellipsoid((sign * left - 69.0) / 34.0, (back - 0.0) / 50.0, (up - 34.0) / 62.0)
        air = (lung < 1) & (inside < -6.0)
        hu[air], labels[air] = SPINE.lung_HU, LABELS[f"lung_lower_lobe_{side}"]
    aorta = np.hypot(left - 9.0 + 0.04 * up, back + 30.0 - 0.03 * up) < 11.0
    hu[aorta], labels[aorta] = SPINE.aorta_HU, LABELS["aorta"]
    return hu, labels


def body_centre(level: Level) -> tuple[F64, float]:
    """Centre of a body in T12's coordinates [mm], and its bend forward [rad]."""
    if level == "T12":
        return np.zeros(3), 0.0
    gap = VERTEBRAE[level].body_half[2] + VERTEBRAE["T12"].body_half[2] + SPINE.disc_mm
    sign, bend = (1.0 if level == "T11" else -1.0), np.radians(SPINE.bend_deg)
    return gap * np.array([0.0, -np.sin(bend / 2), sign * np.cos(bend / 2)]), float(sign * bend)


def _box(level: Level) -> Box:
    """Index box that holds a vertebra, its processes and the disc above it."""
    centre, _ = body_centre(level)
    affine = _affine()
    low = centre + np.array(SPINE.origin_mm) - affine[:3, 3] - [48.0, 24.0, 38.0]
    high = low + np.array([96.0, 92.0, 76.0])
    start = np.clip(low / SPINE.spacing_mm, 0, SPINE.shape).astype(int)
    stop = np.clip(high / SPINE.spacing_mm, 0, SPINE.shape).astype(int) + 1
    return box_of(start, stop)


def _local(level: Level, positions: tuple[F32, ...]) -> tuple[F32, F32, F32]:
    """Positions in a vertebra's own coordinates; forward bend turns about the left axis."""
    centre, bend = body_centre(level)
    left, back, up = (p - np.float32(c) for p, c in zip(positions, centre, strict=True))
    c, s = np.float32(np.cos(bend)), np.float32(np.sin(bend))
    return left, c * back + s * up, c * up - s * back


def _set_disc(hu: F32, local: tuple[F32, F32, F32], vertebra: PhantomVertebra, level: Level) -> None:
    """The disc below this body, and above the topmost one; bodies overwrite what they share with it."""
    left, back, up = local
    a, b, h = vertebra.body_half
    side = ellipse(left, _hollowed(left, back), a - 0.5, b - 0.5)
    top = h + (SPINE.disc_mm if level == "T11" else 0.0)
    # 2 mm into the next body, which is drawn later: the bend opens the disc behind
    hu[(side < 0) & (up < top) & (up > -h - SPINE.disc_mm - 2.0)] = SPINE.disc_HU


def _set_canal(
    hu: F32,
    labels: U8,
    local: tuple[F32, F32, F32],
    vertebra: PhantomVertebra,
    level: Level,
) -> None:
    """Fat, dural sac and cord at this level, to the middle of its discs."""
    left, back, up = local
    a, b = vertebra.canal_half
    centre = vertebra.canal_centre
    half = vertebra.body_half[2] + 0.5 * SPINE.disc_mm + 1.0
    above = half if level != "T11" else np.inf  # to the edge of the scan
    below = half if level != "L1" else np.inf
    near = (up < above) & (up > -below)
    epidural = (np.abs(left) < a) & (back > 8.0) & (back < centre)  # up to the back of the body
    hu[near & (epidural | (ellipse(left, back - centre, a, b) < 0))] = SPINE.fat_HU
    hu[near & (ellipse(left, back - centre + 1.0, a - 2.0, b - 2.0) < 0)] = SPINE.fluid_HU
    cord = near & (ellipse(left, back - centre + 0.5, 5.0, 4.0) < 0)
    hu[cord], labels[cord] = SPINE.cord_HU, LABELS["spinal_cord"]


def bone_distance(left: F32, back: F32, up: F32, v: PhantomVertebra) -> F32:
    """Signed distance to a vertebra [mm]: union of its solids less the canal."""
    side = np.abs(left)
    d = _body(left, back, up, v)
    for part in (_pedicle(side, back, up, v), _lamina(side, back, up, v), _spinous(side, back, up, v)):
        d = join(d, part, 2.0)
    root = (14.5, v.canal_centre + 6.5, 4.0)
    reach = (v.transverse_reach, v.canal_centre + 10.0, 5.5)
    d = join(d, capsule(side, back, up, root, reach, 4.3), 2.0)
    upper = ((14.5, v.canal_centre + 5.0, 3.0), (14.0, v.canal_centre + 5.0, 15.0))
    lower = ((11.0, v.canal_centre + 11.5, -6.0), (10.0, v.canal_centre + 13.0, -17.0))
    for start, end in (upper, lower):
        d = join(d, capsule(side, back, up, start, end, 3.4), 1.0)
    canal = ellipse(left, back - v.canal_centre, *v.canal_half)
    return np.maximum(d, -canal)


def _body(left: F32, back: F32, up: F32, v: PhantomVertebra) -> F32:
    """Waisted, with a hollow back wall and hollow endplates, its edges rounded."""
    a, b, h = v.body_half
    waist = 1.0 - SPINE.waist * (1.0 - np.clip(up / h, -1, 1) ** 2)
    wall = ellipse(left / waist, _hollowed(left, back) / waist, a, b)
    hollow = 1.3 * np.clip(-wall / b, 0.0, 1.0)
    plate = np.abs(up) - h + hollow
    # the join of two outsides is the meet of two insides, with the same fillet
    return -join(-wall, -plate, 1.5)


def _hollowed(left: F32, back: F32) -> F32:
    """Posterior coordinate that makes the back of an ellipse hollow by 2 mm in the midline."""
    weight = np.clip(back / 8.0, 0.0, 1.0) * np.exp(-((left / 9.0) ** 2))
    hollowed: F32 = back + np.float32(2.0) * weight
    return hollowed


def _pedicle(side: F32, back: F32, up: F32, v: PhantomVertebra) -> F32:
    centre = v.canal_half[0] + v.pedicle_half[0]
    tube = ellipse(side - centre, up - v.pedicle_up, *v.pedicle_half)
    cut: F32 = np.maximum(tube, np.abs(back - v.canal_centre + 4.0) - 12.0)
    return cut


def _lamina(side: F32, back: F32, up: F32, v: PhantomVertebra) -> F32:
    """Ring 6 mm thick behind the canal, sloping backward as it goes down."""
    a, b = v.canal_half
    slope = 0.18 * (up + 2.0)
    ring = ellipse(side, back - v.canal_centre + slope, a + 6.0, b + 6.0)
    inner = ellipse(side, back - v.canal_centre + np.minimum(slope, 0.0), a + 0.5, b + 0.5)
    ends = np.maximum(np.abs(up + 2.5) - 10.0, v.canal_centre + 2.0 - back)
    lamina: F32 = np.maximum(np.maximum(ring, -inner), ends)
    return lamina


def _spinous(side: F32, back: F32, up: F32, v: PhantomVertebra) -> F32:
    """A blade from the arch to its tip, thicker at the tip."""
    base = v.canal_centre + v.canal_half[1] + 2.0
    tip, drop = v.spinous_tip
    along = np.clip((back - base) / (tip - base), 0.0, 1.0)
    blade = np.hypot(
        np.maximum(side - 1.2 - 1.3 * along, 0.0),
        np.maximum(np.abs(up + 3.0 - (drop + 3.0) * along) - 5.5, 0.0),
    )
    beyond = np.maximum(np.maximum(base - back, back - tip), 0.0)
    rounded: F32 = np.hypot(blade, beyond) - np.float32(1.8)
    return rounded


def _set_bone(hu: F32, d: F32, texture: F32, closer: Mask) -> None:
    """Cortex and marrow over what was there, with edges a voxel wide."""
    marrow = SPINE.trabecular_HU + SPINE.texture_HU * texture
    shell = np.clip(d + SPINE.shell_mm + 0.5, 0.0, 1.0)
    bone = marrow + shell * (SPINE.cortex_HU - marrow)
    share = np.where(closer, np.clip(0.5 - d, 0.0, 1.0), 0.0)
    hu += share * (bone - hu)


def _scanned(hu: F32, seed: int) -> npt.NDArray[np.int16]:
    """Blur of a scanner, noise that neighbours share, whole HU."""
    seen = ndimage.gaussian_filter(hu, np.array(SPINE.blur_mm) / SPINE.spacing_mm)
    seen += SPINE.noise_HU * _smooth_noise(seed, "noise", hu.shape, 0.6)
    stored: npt.NDArray[np.int16] = np.clip(np.rint(seen), -1024, 3071).astype(np.int16)
    return stored


def _smooth_noise(seed: int, name: str, shape: tuple[int, ...], width_voxels: float) -> F32:
    """Noise of sd 1 whose neighbours resemble each other over some voxels."""
    white = rng(seed, "spine phantom", name).standard_normal(shape, dtype=np.float32)
    smooth: F32 = ndimage.gaussian_filter(white, width_voxels)
    smooth /= smooth.std()
    return smooth
