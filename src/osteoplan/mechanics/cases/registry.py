"""Which load cases a bone is put through: the one place that knows them all."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from osteoplan.knowledge import loads
from osteoplan.knowledge.loads import LoadCase
from osteoplan.knowledge.sites import bone_site, thoracolumbar_spine
from osteoplan.mechanics.cases import femur, hemipelvis, pelvic_ring, sacrum, shaft, vertebra
from osteoplan.mechanics.specimen import Specimen
from osteoplan.mechanics.state import MechanicsSettings
from osteoplan.model.anatomy import Anatomy

__all__ = ["BUILDERS", "NOT_SIMULATED", "load_case", "load_cases"]

NOT_SIMULATED = "the strength of the {bone} is not simulated by this version: its site names no load case"
Build = Callable[[Anatomy, MechanicsSettings], Specimen]

# Load case -> how its specimen is built; a load case of the data without a builder fails a test.
BUILDERS: Mapping[str, Build] = {
    "vertebra_compression": vertebra.build_compression,
    "vertebra_flexion": vertebra.build_flexion,
    "vertebra_compression_disc": vertebra.build_compression_through_discs,
    "vertebra_flexion_disc": vertebra.build_flexion_through_discs,
    "hemipelvis_hip_contact": hemipelvis.build_hemipelvis,
    "femur_stance": femur.build_stance,
    "femur_fall": femur.build_fall,
    "humerus_head": femur.build_head,
    "shaft_bending_coronal": shaft.build_coronal,
    "shaft_bending_sagittal": shaft.build_sagittal,
    "shaft_torsion": shaft.build_torsion,
    "sacrum_endplate": sacrum.build_endplate,
    "pelvic_ring_gait": pelvic_ring.build_gait,
}


def load_cases(anatomy: Anatomy) -> tuple[LoadCase, ...]:
    """Every load case of that bone, the one that ranks first; empty where its site names none."""
    site = bone_site(anatomy.bone)
    ids = thoracolumbar_spine().load_cases if site is None else site.load_cases
    return tuple(loads.load_case(id) for id in ids)


def load_case(anatomy: Anatomy) -> LoadCase | None:
    """The load case that ranks; None where the bone has none."""
    return next(iter(load_cases(anatomy)), None)
