"""Which load case a bone is put through: the one place that knows them all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from osteoplan.knowledge.materials import material
from osteoplan.mechanics import hemipelvis, vertebra
from osteoplan.mechanics.state import MechanicsResult, MechanicsSettings
from osteoplan.model.anatomy import Anatomy

__all__ = ["NOT_SIMULATED", "LoadCase", "load_case"]

NOT_SIMULATED = (
    "the strength of the {bone} is not simulated by this version, which loads vertebrae and hip bones only"
)


@dataclass(frozen=True)
class LoadCase:
    """One kind of bone on its testing machine.

    Attributes:
        build: mesh of an anatomy; ``load``: a result of that mesh in one state.
        outcome: id of the outcome whose share of intact is shown; ``ratio``: id of that share.
        resolution_pct: percentage points of the share below which two options are not told apart.
        doing: what is done to the bone, as a word of progress.
    """

    mechanics: MechanicsSettings
    build: Callable[[Anatomy, MechanicsSettings], Any]
    load: Callable[..., MechanicsResult]
    outcome: str
    ratio: str
    resolution_pct: float
    doing: str


def load_case(anatomy: Anatomy, spacing_mm: float) -> LoadCase | None:
    """The load case of that bone with cubes of that edge (a hip bone's are never finer than its own default).

    None where the bone has no load case.
    """
    if anatomy.is_vertebra:
        return LoadCase(
            MechanicsSettings(spacing_mm=spacing_mm), vertebra.build_model, vertebra.compress, "strength_N",
            "strength_ratio_to_intact", _resolution("vertebra_compression"), "compressing",
        )  # fmt: skip
    if anatomy.bone.startswith("hemipelvis_"):
        return LoadCase(
            hemipelvis.hemipelvis_settings(spacing_mm), hemipelvis.build_hemipelvis, hemipelvis.load,
            "stiffness_N_per_mm", "stiffness_ratio_to_intact", _resolution("hemipelvis"), "loading",
        )  # fmt: skip
    return None


def _resolution(file: str) -> float:
    return float(material(f"{file}.ratio_resolution_pct").value or 0.0)
