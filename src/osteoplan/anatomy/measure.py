"""What the image says about a lesion of a vertebra, in the words of the vocabulary.

A share of cortex lost is a share of what the scan shows of it: with h = image - soft tissue,

    lost = sum over shell in lesion of (h_intact - h_now) / sum over shell of h_intact

so no threshold decides whether one voxel counts.  What is not measured here (nerve roots, alignment) stays
unknown.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from osteoplan.anatomy.frame import exits
from osteoplan.anatomy.vertebra import Vertebra, read_vertebra
from osteoplan.errors import BadInput
from osteoplan.kernels.distance import distance_to, signed_distance
from osteoplan.knowledge.anatomy_values import number
from osteoplan.knowledge.sites import thoracolumbar_spine
from osteoplan.model.anatomy import Anatomy, Mask
from osteoplan.model.findings import Finding
from osteoplan.model.volume import Volume

__all__ = ["measure"]

F64 = npt.NDArray[np.float64]

DIRECTIONS = 400  # in which the lesion's width is taken: 6 degrees apart
PLACES = ("anterior", "middle", "posterior")
BANDS = ((0.1, 0.3), (0.4, 0.6), (0.7, 0.9))  # of the body's depth, where its height is taken


def measure(
    anatomy: Anatomy, vertebra: Vertebra, neighbours: tuple[Volume | None, Volume | None]
) -> tuple[tuple[Finding, ...], tuple[str, ...]]:
    """Findings of one lesion, and sentences on what could not be measured.

    Args:
        anatomy: the bone and its lesion.
        vertebra: geometry of that bone.
        neighbours: masks of the whole vertebrae above and below, None where there is none.
    """
    site = thoracolumbar_spine()
    collapse, unmeasured = _collapse(vertebra, neighbours)
    findings = (
        Finding("region", site.region, source="derived", because=f"{anatomy.bone} is of the {site.title}"),
        Finding("vertebra", anatomy.level, source="given", because="bone of the lesion, as given"),
        *_size(anatomy),
        *_share(anatomy),
        *_cortex(anatomy, vertebra),
        _canal_distance(anatomy),
        *_arch(anatomy),
        *collapse,
    )
    return findings, unmeasured


def _measured(name: str, value: float | bool | str, unit: str, because: str) -> Finding:
    value = round(value, 2) if isinstance(value, float) else value
    return Finding(name, value, unit, "measured", because)


def _size(anatomy: Anatomy) -> tuple[Finding, ...]:
    """Volume, largest diameter, and the three axes along the bone's own."""
    image = anatomy.image
    local = anatomy.frame.local(image.positions_mm(np.argwhere(anatomy.lesion_mask)))
    edges = (anatomy.frame.axes @ image.direction) * image.spacing_mm
    along = _widths(local, edges, np.eye(3))
    largest = float(max(_widths(local, edges, _sphere()).max(), along.max()))
    words = " x ".join(f"{w:.0f}" for w in along)
    volume = len(local) * image.voxel_volume_mm3 / 1000.0
    return (
        _measured("lesion_volume_mL", volume, "mL", "volume of the lesion's mask"),
        _measured("size_mm", largest, "mm", "largest diameter"),
        _measured("axes_mm", words, "mm", "widths along the bone's axes: left-right, front-back, up-down"),
    )


def _widths(points: F64, edges: F64, directions: F64) -> F64:
    """Width of a heap of bricks along unit directions (n, 3) [mm]; brick edges in columns of ``edges``."""
    seen = points @ directions.T
    brick = np.linalg.norm(
        directions @ edges * (directions @ (edges / np.linalg.norm(edges, axis=0))), axis=1
    )
    widths: F64 = seen.max(axis=0) - seen.min(axis=0) + brick
    return widths


def _sphere() -> F64:
    """(n, 3) unit vectors, evenly spread over half a sphere."""
    n = np.arange(DIRECTIONS) + 0.5
    up, turn = 1.0 - n / DIRECTIONS, np.pi * (1.0 + 5.0**0.5) * n
    flat = np.sqrt(1.0 - up**2)
    return np.stack([flat * np.cos(turn), flat * np.sin(turn), up], axis=-1)


def _share(anatomy: Anatomy) -> tuple[Finding, ...]:
    """Share of the body that is lesion, and the densities inside and beside it."""
    body, lesion = anatomy.parts["body"], anatomy.lesion_mask
    share = 100.0 * float((body & lesion).sum()) / float(body.sum())
    depth = signed_distance(body, anatomy.image.spacing_mm)
    deep = body & ~lesion & (depth < -number("vertebra", "trabecular_depth_mm"))
    return (
        _measured("body_involved_pct", share, "%", "share of the body's voxels"),
        *_density(anatomy, deep, "body_density", "the body's trabecular bone beside the lesion"),
        *_density(anatomy, lesion & body, "lesion_density", "the lesion within the body"),
    )


def _density(anatomy: Anatomy, where: Mask, name: str, place: str) -> tuple[Finding, ...]:
    """Median K2HPO4-equivalent density of a place; nothing where there is no such place."""
    if not where.any():
        return ()
    density = anatomy.calibration.density(anatomy.image.array[where].astype(np.float64))
    trust = "" if anatomy.calibration.calibrated else ", uncalibrated"
    return (_measured(name, float(np.median(density)), "mg/cm3", f"median of {place}{trust}"),)


def _cortex(anatomy: Anatomy, vertebra: Vertebra) -> tuple[Finding, ...]:
    """Cortex lost, and whether the posterior wall is among it."""
    shell = _shell(anatomy)
    wall = shell & _at_wall(anatomy, vertebra)
    lost, wall_lost = _lost_pct(anatomy, shell), _lost_pct(anatomy, wall)
    distance = distance_to_wall(anatomy)
    basis = f"against the intact bone ({anatomy.intact_basis})"
    defect = wall_lost >= number("vertebra", "wall_defect_share_pct")
    return (
        _measured("wall_mm", distance, "mm", "from the lesion to the posterior wall of the body"),
        _measured("cortex_lost_pct", lost, "%", f"share of the body's shell, {basis}"),
        _measured(
            "cortical_erosion", lost >= number("vertebra", "cortical_erosion_min_pct"), "1",
            f"{lost:.1f} % of the body's shell is lost, {basis}",
        ),
        _measured(
            "posterior_wall_defect", defect, "1",
            f"{wall_lost:.0f} % of the posterior wall is lost; the lesion is {distance:.1f} mm from it",
        ),
    )  # fmt: skip


def _shell(anatomy: Anatomy) -> Mask:
    """The outer layer of the bone, as far as it belongs to the body."""
    depth = signed_distance(anatomy.bone_mask, anatomy.image.spacing_mm)
    shell: Mask = anatomy.parts["body"] & (depth > -number("vertebra", "shell_mm"))
    return shell


def _at_wall(anatomy: Anatomy, vertebra: Vertebra) -> Mask:
    """Within a shell's thickness of the posterior wall, between the pedicles."""
    wall, image = vertebra.wall, anatomy.image
    indices = np.argwhere(anatomy.parts["body"])
    left, posterior, superior = anatomy.frame.local(image.positions_mm(indices)).T
    near = wall.posterior_mm(left, superior) - posterior < number("vertebra", "shell_mm")
    near &= (np.abs(left - wall.middle) < wall.half_width) & (superior > wall.heights[0])
    near &= superior < wall.heights[1]
    mask = np.zeros(image.shape, dtype=bool)
    mask[tuple(indices[near].T)] = True
    return mask


def _lost_pct(anatomy: Anatomy, shell: Mask) -> float:
    """Share of the shell's height above soft tissue that is gone within the lesion [%]."""
    soft = number("vertebra", "soft_tissue_HU")
    if anatomy.image.meaning != "HU":
        soft = 0.0  # muscle holds no mineral
    intact = anatomy.image_intact.array[shell].astype(np.float64) - soft
    now = anatomy.image.array[shell].astype(np.float64) - soft
    within = anatomy.lesion_mask[shell]
    whole = intact.sum()
    return float(np.clip(100.0 * (intact - now)[within].sum() / whole, 0.0, 100.0)) if whole > 0 else 0.0


def distance_to_wall(anatomy: Anatomy) -> float:
    """Smallest distance from the lesion to the back of the vertebral body [mm]; 0 where it reaches it."""
    indices = anatomy.image.indices(anatomy.posterior_wall_mm).T
    away = signed_distance(anatomy.lesion_mask, anatomy.image.spacing_mm)
    return max(float(ndimage.map_coordinates(away, indices, order=1, mode="nearest").min()), 0.0)


def _half_voxel(image: Volume) -> float:
    return 0.5 * float(image.spacing_mm.min())


def _canal_distance(anatomy: Anatomy) -> Finding:
    canal = anatomy.structure("spinal_canal").mask
    away = distance_to(anatomy.lesion_mask, anatomy.image.spacing_mm)[canal].min()
    gap = max(float(away) - _half_voxel(anatomy.image), 0.0)
    return _measured("canal_mm", gap, "mm", "lesion to the spinal canal, which is derived from the bone ring")


def _arch(anatomy: Anatomy) -> tuple[Finding, ...]:
    """Sides on which the lesion is in the arch; silence says nothing on the costovertebral joints."""
    indices = np.argwhere(anatomy.parts["arch"] & anatomy.lesion_mask)
    left = anatomy.frame.local(anatomy.image.positions_mm(indices))[:, 0]
    per_voxel = anatomy.image.voxel_volume_mm3 / 1000.0
    volumes = {"left": (left > 0).sum() * per_voxel, "right": (left < 0).sum() * per_voxel}
    sides = [side for side, volume in volumes.items() if volume >= number("vertebra", "arch_involved_min_mL")]
    if not sides:
        return ()
    words = ", ".join(f"{volumes[side]:.1f} mL in the {side} half of the arch" for side in sides)
    return (_measured("posterolateral", "bilateral" if len(sides) == 2 else "unilateral", "1", words),)


def _collapse(
    vertebra: Vertebra, neighbours: tuple[Volume | None, Volume | None]
) -> tuple[tuple[Finding, ...], tuple[str, ...]]:
    """Largest loss of height against the mean of both neighbours."""
    if neighbours[0] is None or neighbours[1] is None:
        return (), (
            "collapse is not measured: the vertebrae above and below are not both whole and labelled",
        )
    try:
        above, below = (heights(read_vertebra(mask)) for mask in neighbours if mask is not None)
    except BadInput as why:
        return (), (f"collapse is not measured: a neighbouring vertebra could not be read ({why})",)
    expected = 0.5 * (above + below)
    here = heights(vertebra)
    losses = 100.0 * (1.0 - here / expected)
    worst = float(np.max(losses))
    seen = worst if worst >= number("vertebra", "collapse_seen_min_pct") else 0.0
    words = ", ".join(
        f"{place} {h:.1f} of {e:.1f} mm" for place, h, e in zip(PLACES, here, expected, strict=True)
    )
    return (_measured("collapse_pct", seen, "%", f"{words}, the mean of the vertebrae above and below"),), ()


def heights(vertebra: Vertebra) -> F64:
    """(3,) height of the body at its front, middle and back, along its own axis [mm]."""
    bone, wall = vertebra.bone, vertebra.wall
    centre = np.abs(bone.axis(0) - wall.middle) <= wall.half_width
    middle = bone.nearest(2, 0.0)
    depth = bone.depth[centre]
    tall = bone.step * (exits(depth[:, :, middle:]) + exits(depth[:, :, middle::-1]))
    back = wall.posterior_mm(np.array([wall.middle]), np.zeros(1))[0]
    posterior = bone.axis(1)
    inside = np.isfinite(tall).any(axis=0) & (posterior <= back)
    front = posterior[inside].min()
    share = (posterior - front) / (back - front)
    found = [np.nanmedian(tall[:, (share >= low) & (share <= high)]) for low, high in BANDS]
    return np.array(found)
