"""Calibration phantoms and what their rods are (``data/materials/density_phantoms.yaml``)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, RootModel, model_validator

from osteoplan.errors import named
from osteoplan.knowledge.load import Cited, Strict, document
from osteoplan.model.calibration import DensityKind

__all__ = ["DensityPhantom", "Insert", "density_phantom"]


class Insert(Strict):
    """One rod [mg/cm3]; ``water_mg_cm3`` only for phantoms of salt in water."""

    name: str
    density_mg_cm3: float
    water_mg_cm3: float | None = None


class DensityPhantom(Cited):
    """A phantom: how its rods are fitted, and the rods in the order in which they lie."""

    title: str
    form: Literal["density", "mindways"]
    density_kind: DensityKind
    rods: tuple[Insert, ...] = Field(min_length=3)

    @model_validator(mode="after")
    def _water_where_it_is_needed(self) -> DensityPhantom:
        if self.form == "mindways" and any(rod.water_mg_cm3 is None for rod in self.rods):
            raise ValueError("rods of salt in water need the density of the water")
        return self


class _Phantoms(RootModel[dict[str, DensityPhantom]]):
    """Phantoms by name."""


def density_phantom(name: str) -> DensityPhantom:
    """The phantom of that name.

    Raises:
        UnknownName: there is none.
    """
    known = document("materials/density_phantoms.yaml", _Phantoms).root
    return named("phantom", name, known, "images.calibration")
