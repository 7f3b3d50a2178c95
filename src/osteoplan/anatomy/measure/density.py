"""Densities inside a lesion and in the bone beside it."""

from __future__ import annotations

import numpy as np

from osteoplan.anatomy.measure.result import Result, measured
from osteoplan.anatomy.measure.shell import Near, around_lesion
from osteoplan.arrays import Mask
from osteoplan.knowledge.values import number
from osteoplan.model.anatomy import Anatomy
from osteoplan.model.findings import Finding

__all__ = ["densities", "density"]


def densities(anatomy: Anatomy) -> Result:
    """Medians of the lesion within the bone, and of the bone beside it below its shell."""
    near = around_lesion(anatomy)
    reach = number("measure.beside_mm")
    deep = near.bone & (near.depth < -number("vertebra.trabecular_depth_mm"))
    beside = deep & (near.away > 0) & (near.away <= reach)
    return Result(
        (
            *_of(
                anatomy,
                near,
                beside,
                "bone_density",
                f"bone below the shell within {reach:.0f} mm of the lesion",
            ),
            *_of(anatomy, near, near.bone & near.lesion, "lesion_density", "the lesion within the bone"),
        )
    )


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


def _of(anatomy: Anatomy, near: Near, where: Mask, name: str, place: str) -> tuple[Finding, ...]:
    return density(anatomy, near.onto(where, anatomy.image.shape), name, place)
