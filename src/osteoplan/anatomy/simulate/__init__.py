"""Lesions put into a scan, with the truth kept: outline, cortex, soft tissue, rim, collapse."""

from osteoplan.anatomy.simulate.lesion import (
    SimulatedLesion,
    simulate,
    simulate_several,
)
from osteoplan.anatomy.simulate.recipe import Breach, Collapse, Recipe
from osteoplan.anatomy.simulate.shape import LesionMatrix, LesionShape

__all__ = [
    "Breach", "Collapse", "LesionMatrix", "LesionShape", "Recipe", "SimulatedLesion", "simulate",
    "simulate_several",
]  # fmt: skip
