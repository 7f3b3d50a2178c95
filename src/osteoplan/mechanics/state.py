"""The states that a bone is loaded in, and what can be turned when it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from osteoplan.mechanics.existing_metal import ExistingMetal
from osteoplan.mechanics.scenarios import Bond, Scenario

__all__ = ["MechanicsSettings", "State"]

State = Literal["intact", "now"]


@dataclass(frozen=True)
class MechanicsSettings:
    """What can be turned.

    Attributes:
        spacing_mm: edge of the cubes [mm]; the density laws were fitted at about 1 to 3 mm.
        laws: density-modulus laws; the first is the central one, draws choose among all.
        tolerance: relative residual of the solver.
        existing_metal: what becomes of metal that the scan already shows (``existing``).
        alloy_MPa: modulus of that metal where it is bonded; None: the least of the metals on file.
        scenario: what treatment did to the bone of the lesion in the state ``now`` (``scenarios``).
        bond: of cement to bone: ``full``, or through a softer ``layer`` (``scenarios``).
    """

    spacing_mm: float = 1.0
    laws: tuple[str, ...] = ("kopperdahl_2002_power", "kopperdahl_2002_linear")
    tolerance: float = 1e-8
    max_iterations: int = 300
    existing_metal: ExistingMetal = "left out"
    alloy_MPa: float | None = None
    scenario: Scenario = "none"
    bond: Bond = "full"
