"""What the image says about a lesion, in the words of the vocabulary, each with its unit and method.

findings, unmeasured = measure(anatomy, vertebra, neighbours)                 a vertebra
findings, unmeasured = measure(anatomy, frames={"femoral_shaft": frame})      any other bone

What the image cannot show (alignment, a costovertebral joint, the Harrington class) stays unknown, and what
could be shown but was not found here is told in a sentence.  Every definition: docs/measurements.md.
"""

from __future__ import annotations

from collections.abc import Mapping

from osteoplan.anatomy.measure.distances import distances
from osteoplan.anatomy.measure.long_bone import measure_long_bone
from osteoplan.anatomy.measure.matrix import matrix
from osteoplan.anatomy.measure.pelvis import measure_pelvis
from osteoplan.anatomy.measure.result import Result, measured, unmeasured
from osteoplan.anatomy.measure.sacrum import measure_sacrum
from osteoplan.anatomy.measure.shell import cortex_beside, densities
from osteoplan.anatomy.measure.size import size
from osteoplan.anatomy.measure.vertebra import measure_vertebra
from osteoplan.anatomy.vertebra import Vertebra
from osteoplan.knowledge.sites import bone_site
from osteoplan.model.anatomy import Anatomy, BoneFrame
from osteoplan.model.findings import Finding
from osteoplan.model.volume import Volume

__all__ = ["measure"]


def measure(
    anatomy: Anatomy,
    vertebra: Vertebra | None = None,
    neighbours: tuple[Volume | None, Volume | None] = (None, None),
    *,
    frames: Mapping[str, BoneFrame] | None = None,
) -> tuple[tuple[Finding, ...], tuple[str, ...]]:
    """Findings of one lesion, and sentences on what could not be measured.

    Args:
        anatomy: the bone and its lesion.
        vertebra: geometry of that bone, if it is a vertebra.
        neighbours: masks of the whole vertebrae above and below, None where there is none.
        frames: the bone's frames by kind, if it is no vertebra; by default the anatomy's own.
    """
    frames = anatomy.frames if frames is None else frames
    parts = [size(anatomy)]
    if vertebra is not None:
        parts += [measure_vertebra(anatomy, vertebra, neighbours)]
    else:
        parts += [densities(anatomy), cortex_beside(anatomy), _site(anatomy, frames)]
    parts += [matrix(anatomy), distances(anatomy, frames)]
    whole = sum(parts, Result())
    hidden = [f"{one.name.replace('_', ' ')}: {one.because}" for one in whole.findings if one.value is None]
    return tuple(one for one in whole.findings if one.value is not None), (*whole.unmeasured, *hidden)


def _site(anatomy: Anatomy, frames: Mapping[str, BoneFrame]) -> Result:
    """What only this site has."""
    site = bone_site(anatomy.bone)
    match None if site is None else site.id:
        case "femur" | "humerus":
            return measure_long_bone(anatomy, frames)
        case "pelvis":
            return measure_pelvis(anatomy, frames)
        case "sacrum":
            return measure_sacrum(anatomy, frames)
        case "scapula" | "sternum" | "ribs" | "clavicle" | "tibia" if site is not None:
            region = measured("region", site.regions[0], "1", f"every lesion of {anatomy.bone} lies there")
            return Result((region,), ())
        case _:
            return unmeasured(
                f"{anatomy.bone}: wall, endplates and collapse are not measured: it was not read"
            )
