"""A lesion of a vertebra: share of the body, its wall and endplates, the arch, collapse.

What is not measured here (nerve roots, alignment, costovertebral joints) stays unknown.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from osteoplan.anatomy.frame import exits
from osteoplan.anatomy.measure.result import Result, derived, measured, sought, unmeasured
from osteoplan.anatomy.measure.shell import density, lost_pct, outward
from osteoplan.anatomy.vertebra import Vertebra, read_vertebra
from osteoplan.arrays import F64, Mask
from osteoplan.boxes import around
from osteoplan.errors import BadInput
from osteoplan.kernels.distance import signed_distance
from osteoplan.knowledge.sites import thoracolumbar_spine
from osteoplan.knowledge.values import number
from osteoplan.model.anatomy import Anatomy
from osteoplan.model.findings import Finding
from osteoplan.model.volume import Volume

__all__ = ["distance_to_wall", "heights", "measure_vertebra"]

PLACES = ("anterior", "middle", "posterior")
BANDS = ((0.1, 0.3), (0.4, 0.6), (0.7, 0.9))  # of the body's depth, where its height is taken


def measure_vertebra(
    anatomy: Anatomy, vertebra: Vertebra, neighbours: tuple[Volume | None, Volume | None]
) -> Result:
    """Everything that only a vertebra has."""
    site = thoracolumbar_spine()
    depth = signed_distance(anatomy.bone_mask, anatomy.image.spacing_mm)
    shell: Mask = anatomy.parts["body"] & (depth > -number("vertebra.shell_mm"))
    collapse = _collapse(vertebra, neighbours)
    return Result(
        (
            derived("region", site.region, f"{anatomy.bone} is of the {site.title}"),
            Finding("vertebra", anatomy.level, source="given", because="bone of the lesion, as given"),
            *_share(anatomy),
            *_cortex(anatomy, vertebra, shell),
            *_endplates(anatomy, shell),
            *_arch(anatomy),
            *collapse.findings,
        ),
        collapse.unmeasured,
    )


def _share(anatomy: Anatomy) -> tuple[Finding, ...]:
    """Share of the body that is lesion, and the densities inside and beside it."""
    body, lesion = anatomy.parts["body"], anatomy.lesion_mask
    share = 100.0 * float((body & lesion).sum()) / float(body.sum())
    depth = signed_distance(body, anatomy.image.spacing_mm)
    deep = body & ~lesion & (depth < -number("vertebra.trabecular_depth_mm"))
    return (
        measured("body_involved_pct", share, "%", "share of the body's voxels"),
        *density(anatomy, deep, "body_density", "the body's trabecular bone beside the lesion"),
        *density(anatomy, lesion & body, "lesion_density", "the lesion within the body"),
    )


def _cortex(anatomy: Anatomy, vertebra: Vertebra, shell: Mask) -> tuple[Finding, ...]:
    """Cortex lost, and whether the posterior wall is among it."""
    wall = shell & _at_wall(anatomy, vertebra)
    lost, wall_lost = lost_pct(anatomy, shell), lost_pct(anatomy, wall)
    distance = distance_to_wall(anatomy)
    basis = f"against the intact bone ({anatomy.intact_basis})"
    defect = wall_lost >= number("vertebra.wall_defect_share_pct")
    return (
        measured("wall_mm", distance, "mm", "from the lesion to the posterior wall of the body"),
        measured("cortex_lost_pct", lost, "%", f"share of the body's shell, {basis}"),
        sought(
            anatomy.image, "cortical_erosion", lost >= number("vertebra.cortical_erosion_min_pct"),
            f"{lost:.1f} % of the body's shell is lost, {basis}",
        ),
        sought(
            anatomy.image, "posterior_wall_defect", defect,
            f"{wall_lost:.0f} % of the posterior wall is lost; the lesion is {distance:.1f} mm from it",
        ),
    )  # fmt: skip


def _at_wall(anatomy: Anatomy, vertebra: Vertebra) -> Mask:
    """Within a shell's thickness of the posterior wall, between the pedicles."""
    wall, image = vertebra.wall, anatomy.image
    indices = np.argwhere(anatomy.parts["body"])
    left, posterior, superior = anatomy.frame.local(image.positions_mm(indices)).T
    near = wall.posterior_mm(left, superior) - posterior < number("vertebra.shell_mm")
    near &= (np.abs(left - wall.middle) < wall.half_width) & (superior > wall.heights[0])
    near &= superior < wall.heights[1]
    mask = np.zeros(image.shape, dtype=bool)
    mask[tuple(indices[near].T)] = True
    return mask


def distance_to_wall(anatomy: Anatomy) -> float:
    """Smallest distance from the lesion to the back of the vertebral body [mm]; 0 where it reaches it."""
    indices = anatomy.image.indices(anatomy.posterior_wall_mm).T
    away = signed_distance(anatomy.lesion_mask, anatomy.image.spacing_mm)
    return max(float(ndimage.map_coordinates(away, indices, order=1, mode="nearest").min()), 0.0)


def _endplates(anatomy: Anatomy, shell: Mask) -> tuple[Finding, ...]:
    """Share of either endplate that is lost: the body's shell that faces up or down."""
    box = around(anatomy.bone_mask, 2)
    normals = outward(anatomy.bone_mask[box], anatomy.image.spacing_mm, anatomy.image.direction)
    up = normals @ anatomy.frame.superior
    least = float(np.cos(np.radians(number("measure.endplate_tilt_max_deg"))))
    lost = {}
    for name, faces in (("superior", up > least), ("inferior", up < -least)):
        plate = np.zeros(anatomy.image.shape, dtype=bool)
        plate[box] = shell[box] & faces
        lost[name] = lost_pct(anatomy, plate)
    words = " and ".join(f"{share:.0f} % of the {name}" for name, share in lost.items())
    because = f"{words} endplate is lost, against the intact bone ({anatomy.intact_basis})"
    defect = max(lost.values()) >= number("measure.endplate_defect_share_pct")
    return (
        sought(anatomy.image, "endplate_defect", defect, because),
        measured("endplate_lost_pct", max(lost.values()), "%", because),
    )


def _arch(anatomy: Anatomy) -> tuple[Finding, ...]:
    """Sides on which the lesion is in the arch; silence says nothing on the costovertebral joints."""
    indices = np.argwhere(anatomy.parts["arch"] & anatomy.lesion_mask)
    left = anatomy.frame.local(anatomy.image.positions_mm(indices))[:, 0]
    per_voxel = anatomy.image.voxel_volume_mm3 / 1000.0
    volumes = {"left": (left > 0).sum() * per_voxel, "right": (left < 0).sum() * per_voxel}
    sides = [side for side, volume in volumes.items() if volume >= number("vertebra.arch_involved_min_mL")]
    if not sides:
        return ()
    words = ", ".join(f"{volumes[side]:.1f} mL in the {side} half of the arch" for side in sides)
    return (measured("posterolateral", "bilateral" if len(sides) == 2 else "unilateral", "1", words),)


def _collapse(vertebra: Vertebra, neighbours: tuple[Volume | None, Volume | None]) -> Result:
    """Largest loss of height against the mean of both neighbours."""
    if neighbours[0] is None or neighbours[1] is None:
        return unmeasured(
            "collapse is not measured: the vertebrae above and below are not both whole and labelled"
        )
    try:
        above, below = (heights(read_vertebra(mask)) for mask in neighbours if mask is not None)
    except BadInput as why:
        return unmeasured(f"collapse is not measured: a neighbouring vertebra could not be read ({why})")
    expected = 0.5 * (above + below)
    here = heights(vertebra)
    losses = 100.0 * (1.0 - here / expected)
    worst = float(np.max(losses))
    seen = worst if worst >= number("vertebra.collapse_seen_min_pct") else 0.0
    words = ", ".join(
        f"{place} {h:.1f} of {e:.1f} mm" for place, h, e in zip(PLACES, here, expected, strict=True)
    )
    because = f"{words}, the mean of the vertebrae above and below"
    return Result((measured("collapse_pct", seen, "%", because),))


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
