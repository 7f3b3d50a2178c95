"""How strongly tissues and reference salts stop X-rays (``data/materials/attenuation.yaml``)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from osteoplan.arrays import F64
from osteoplan.errors import named
from osteoplan.knowledge.load import Cited, Strict, document

__all__ = ["AttenuationTable", "Material", "attenuation_table", "mass_attenuation"]


class Material(Strict):
    """One material: mass fractions of its elements, or its formula, and mu/rho [cm2/g] at the energies."""

    title: str
    density_g_cm3: float | None = Field(default=None, gt=0)
    composition: dict[str, float] = {}
    formula: str = ""
    mu_over_rho_cm2_g: tuple[float, ...]

    @model_validator(mode="after")
    def _made_of_something(self) -> Material:
        if bool(self.formula) == bool(self.composition):
            raise ValueError("a material has a formula or a composition")
        if self.composition and abs(sum(self.composition.values()) - 1.0) > 2e-3:
            raise ValueError("the mass fractions do not add up to 1")
        return self


class AttenuationTable(Cited):
    """Materials on one row of photon energies [keV]; ``printed_keV`` are those of the published tables."""

    energies_keV: tuple[float, ...] = Field(min_length=2)
    printed_keV: tuple[float, ...]
    materials: dict[str, Material]

    @model_validator(mode="after")
    def _complete(self) -> AttenuationTable:
        if list(self.energies_keV) != sorted(set(self.energies_keV)):
            raise ValueError("the energies ascend")
        for name, material in self.materials.items():
            if len(material.mu_over_rho_cm2_g) != len(self.energies_keV):
                raise ValueError(f"{name} has not one number for each energy")
        return self


def attenuation_table() -> AttenuationTable:
    """The whole table."""
    return document("materials/attenuation.yaml", AttenuationTable)


def mass_attenuation(names: Sequence[str], energy_keV: npt.ArrayLike) -> F64:
    """(..., len(names)) mu/rho [cm2/g] at photon energies, straight in log-log between the table's.

    Raises:
        UnknownName: the table lacks a material.
    """
    table = attenuation_table()
    at = np.log(np.asarray(energy_keV, dtype=np.float64))
    known = np.log(table.energies_keV)
    columns = []
    for name in names:
        material = named("material", name, table.materials, "knowledge/data/materials/attenuation.yaml")
        columns.append(np.exp(np.interp(at, known, np.log(material.mu_over_rho_cm2_g))))
    return np.stack(columns, axis=-1)
