"""Cortex lost, as a share of what the scan shows of it; densities inside a lesion and in the bone beside it.

With h = image - soft tissue, over a layer of the bone's surface,

    lost = sum over the layer in the lesion of (h_intact - h_now) / sum over the layer of h_intact

so no threshold decides whether one voxel counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain

import numpy as np
from scipy import ndimage

from osteoplan.anatomy.measure.result import Result, measured, soft_tissue, sought
from osteoplan.arrays import F32, F64, Mask
from osteoplan.boxes import Box, around
from osteoplan.kernels.distance import distance_to, signed_distance
from osteoplan.knowledge.values import number
from osteoplan.model.anatomy import Anatomy
from osteoplan.model.findings import Finding

__all__ = ["Near", "around_lesion", "cortex_beside", "densities", "density", "lost_pct", "outward"]


@dataclass(frozen=True, eq=False)
class Near:
    """The image's crop around a lesion, wide enough for all that is called beside it.

    Attributes:
        box: where it lies in the image.
        bone, lesion: masks.
        depth: signed distance to the bone's surface [mm], negative inside.
        away: distance to the lesion [mm], 0 inside.
    """

    box: Box
    bone: Mask
    lesion: Mask
    depth: F32
    away: F32

    def onto(self, mask: Mask, shape: tuple[int, int, int]) -> Mask:
        """A mask of the crop on the whole image's grid."""
        whole = np.zeros(shape, dtype=bool)
        whole[self.box] = mask
        return whole


def around_lesion(anatomy: Anatomy) -> Near:
    """The crop that reaches ``beside_mm`` and a shell beyond the lesion."""
    image = anatomy.image
    reach = number("measure.beside_mm") + 2.0 * number("vertebra.trabecular_depth_mm")
    box = around(anatomy.lesion_mask, np.ceil(reach / image.spacing_mm).astype(int))
    bone, lesion = anatomy.bone_mask[box], anatomy.lesion_mask[box]
    return Near(
        box, bone, lesion, signed_distance(bone, image.spacing_mm), distance_to(lesion, image.spacing_mm)
    )


def cortex_beside(anatomy: Anatomy) -> Result:
    """Share of the shell in and beside the lesion that is lost, and whether that is an erosion."""
    near, reach = around_lesion(anatomy), number("measure.beside_mm")
    shell = near.bone & (near.depth > -number("vertebra.shell_mm")) & (near.away <= reach)
    if not shell.any():
        none = f"the lesion is more than {reach:.0f} mm below the bone's surface"
        return Result(
            (
                measured("cortex_lost_pct", 0.0, "%", none),
                measured("cortical_erosion", False, "1", none),
            )
        )
    lost = lost_pct(anatomy, near.onto(shell, anatomy.image.shape))
    basis = f"against the intact bone ({anatomy.intact_basis})"
    place = f"the bone's shell in the lesion and within {reach:.0f} mm of it"
    return Result(
        (
            measured("cortex_lost_pct", lost, "%", f"share of {place}, {basis}"),
            sought(anatomy.image, "cortical_erosion", lost >= number("measure.cortical_erosion_min_pct"),
                   f"{lost:.1f} % of {place} is lost, {basis}"),
        )
    )  # fmt: skip


def lost_pct(anatomy: Anatomy, shell: Mask) -> float:
    """Share of the shell's height above soft tissue that is gone within the lesion [%]."""
    soft = soft_tissue(anatomy.image)
    intact = anatomy.image_intact.array[shell].astype(np.float64) - soft
    now = anatomy.image.array[shell].astype(np.float64) - soft
    within = anatomy.lesion_mask[shell]
    whole = intact.sum()
    return float(np.clip(100.0 * (intact - now)[within].sum() / whole, 0.0, 100.0)) if whole > 0 else 0.0


def outward(bone: Mask, spacing_mm: F64, direction: F64) -> F64:
    """(ni, nj, nk, 3) outward normals of a bone's surface in patient space; zero far from it.

    Args:
        direction: (3, 3) unit vectors of the grid's axes, in columns.
    """
    blurred = ndimage.gaussian_filter(
        bone.astype(np.float32), number("measure.normal_blur_mm") / spacing_mm, mode="nearest"
    )
    slope = np.stack([-np.gradient(blurred, axis=a) / spacing_mm[a] for a in range(3)], axis=-1)
    length = np.linalg.norm(slope, axis=-1, keepdims=True)
    normals: F64 = (slope / np.maximum(length, 1e-6)) @ direction.T
    return normals


def densities(anatomy: Anatomy) -> Result:
    """Medians of the lesion within the bone, and of the bone beside it below its shell."""
    near, reach = around_lesion(anatomy), number("measure.beside_mm")
    deep = near.bone & (near.depth < -number("vertebra.trabecular_depth_mm"))
    places = {
        "bone_density": (
            deep & (near.away > 0) & (near.away <= reach),
            f"bone below the shell within {reach:.0f} mm of the lesion",
        ),
        "lesion_density": (near.bone & near.lesion, "the lesion within the bone"),
    }
    shape = anatomy.image.shape
    found = (density(anatomy, near.onto(at, shape), name, words) for name, (at, words) in places.items())
    return Result(tuple(chain.from_iterable(found)))


def density(anatomy: Anatomy, where: Mask, name: str, place: str) -> tuple[Finding, ...]:
    """Median density of a place on the image's grid; nothing of an empty one."""
    if not where.any():
        return ()
    calibration = anatomy.calibration
    found = calibration.density(anatomy.image.array[where].astype(np.float64))
    trust = "" if calibration.calibrated else ", uncalibrated"
    return (
        measured(
            name,
            float(np.median(found)),
            "mg/cm3",
            f"median of {place}, as {calibration.density_kind}{trust}",
        ),
    )
