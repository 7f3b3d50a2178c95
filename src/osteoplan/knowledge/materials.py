"""What bone, cement and soft tissue are made of: density to modulus and strength, and single numbers.

A density knows what it is the density of (K2HPO4 or hydroxyapatite equivalent, ash, apparent).  A law takes
the one that it was fitted to and refuses every other; conversions are steps that somebody names.

    E = constant + coefficient r^exponent      r [g/cm3], E [MPa]
    E = top exp(-shift exp(-rate r))           a sigmoid
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal, TypeVar

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from osteoplan.arrays import F64
from osteoplan.errors import BadInput, named
from osteoplan.knowledge.load import Cited, Strict, document

__all__ = [
    "Conversion", "Density", "DensityKind", "Law", "cavity_modulus", "composite_modulus", "conversion",
    "conversions", "law_of_bone", "modulus_law", "modulus_laws", "strength_law", "strength_laws",
]  # fmt: skip

DensityKind = Literal["K2HPO4", "HA", "ash", "app"]
Row = TypeVar("Row", bound=Cited)


@dataclass(frozen=True, eq=False)
class Density:
    """Density values [g/cm3] and what they are the density of."""

    values: F64
    kind: DensityKind

    @classmethod
    def of_mg(cls, mg_per_cm3: npt.ArrayLike, kind: DensityKind) -> Density:
        """The same from mg/cm3."""
        return cls(np.asarray(mg_per_cm3, dtype=np.float64) / 1000.0, kind)


class Conversion(Cited):
    """target = intercept + slope * source, both g/cm3."""

    id: str = ""
    source: DensityKind = Field(alias="from")
    target: DensityKind = Field(alias="to")
    slope: float = Field(gt=0)
    intercept: float

    def __call__(self, density: Density) -> Density:
        """The density as another one.

        Raises:
            BadInput: it is not the density that this conversion starts from.
        """
        if density.kind != self.source:
            raise BadInput(
                f"{self.id} converts {self.source} density, not {density.kind}: choose another one"
            )
        return Density(self.intercept + self.slope * density.values, self.target)


class _Piece(Strict):
    """The power law that holds from ``above`` [g/cm3]."""

    above: float = Field(ge=0)
    constant: float = 0.0
    coefficient: float = Field(gt=0)
    exponent: float = Field(gt=0)


class _Sigmoid(Strict):
    """A law that is one curve."""

    top: float = Field(gt=0)
    shift: float = Field(gt=0)
    rate: float = Field(gt=0)


class Law(Cited):
    """A property of bone from its density.

    Attributes:
        argument: the density that the law was fitted to.
        conversions: ids of the steps from K2HPO4 density to the argument that belong to this law.
        pieces: ascending; each holds from its ``above``.
        sigmoid: of a law that is one curve; it has no pieces.
        strain_based_failure: False where a strain-based or plastic failure rule must not use it.
        strength: id of the strength law of the same source and density; "" where none was found.
    """

    id: str = ""
    title: str
    site: str
    argument: DensityKind
    conversions: tuple[str, ...] = ()
    pieces: tuple[_Piece, ...] = ()
    sigmoid: _Sigmoid | None = None
    strain_based_failure: bool = True
    strength: str = ""

    @model_validator(mode="after")
    def _pieces_ascend_from_zero(self) -> Law:
        if bool(self.pieces) == (self.sigmoid is not None):
            raise ValueError("a law is either pieces or a sigmoid")
        starts = [piece.above for piece in self.pieces] or [0.0]
        if starts[0] != 0.0 or sorted(set(starts)) != starts:
            raise ValueError("pieces start at 0 and ascend")
        return self

    @model_validator(mode="after")
    def _conversions_lead_to_the_argument(self) -> Law:
        kind: DensityKind = "K2HPO4"
        for id in self.conversions:
            step = conversion(id)
            if step.source != kind:
                raise ValueError(f"{id} does not start from {kind}")
            kind = step.target
        if kind != self.argument:
            raise ValueError(f"the conversions lead to {kind}, the law takes {self.argument}")
        return self

    def __call__(self, density: Density, *, floor_MPa: float = 0.0) -> F64:
        """Value [MPa] at each density, at least ``floor_MPa``; a negative density counts as none.

        Raises:
            BadInput: the density is not the one that the law was fitted to.
        """
        if density.kind != self.argument:
            path = " then ".join(self.conversions) or "none is given"
            raise BadInput(
                f"{self.id} takes {self.argument} density, not {density.kind}: convert it first ({path})"
            )
        r = np.maximum(density.values, 0.0)
        if self.sigmoid is not None:
            curve = self.sigmoid
            return np.maximum(curve.top * np.exp(-curve.shift * np.exp(-curve.rate * r)), floor_MPa)
        value = np.zeros_like(r)
        for p in self.pieces:
            piece = p.constant + p.coefficient * r**p.exponent
            value = piece if p.above == 0.0 else np.where(r >= p.above, piece, value)
        return np.maximum(value, floor_MPa)


def composite_modulus(pmma_MPa: npt.ArrayLike, porosity: npt.ArrayLike, interface: npt.ArrayLike) -> F64:
    """E [MPa] of trabecular bone filled with cement: E_pmma (1 - p)^2 q; the bone is switched off (Kinzl)."""
    return cavity_modulus(pmma_MPa, porosity) * np.asarray(interface, dtype=np.float64)


def cavity_modulus(pmma_MPa: npt.ArrayLike, porosity: npt.ArrayLike) -> F64:
    """E [MPa] of a lytic cavity filled with cement: E_pmma (1 - p)^2."""
    solid = 1.0 - np.asarray(porosity, dtype=np.float64)
    return np.asarray(pmma_MPa, dtype=np.float64) * solid**2


def modulus_law(id: str) -> Law:
    """The density-modulus law of that id.

    Raises:
        UnknownName: there is none.
    """
    return named("modulus law", id, modulus_laws(), "knowledge/data/materials")


def strength_law(id: str) -> Law:
    """The density-strength law of that id.

    Raises:
        UnknownName: there is none.
    """
    return named("strength law", id, strength_laws(), "knowledge/data/materials")


def law_of_bone(label: str) -> str | None:
    """Id of the strength law for a thread in a bone, by canonical label; None where none is named for it."""
    return _laws().hold_of_a_thread.get(label.split("_")[0])


def conversion(id: str) -> Conversion:
    """The density conversion of that id.

    Raises:
        UnknownName: there is none.
    """
    return named("density conversion", id, conversions(), "knowledge/data/materials")


@cache
def modulus_laws() -> Mapping[str, Law]:
    """All density-modulus laws by id."""
    return _with_ids(_laws().modulus)


@cache
def strength_laws() -> Mapping[str, Law]:
    """All density-strength laws by id."""
    return _with_ids(_laws().strength)


@cache
def conversions() -> Mapping[str, Conversion]:
    """All density conversions by id."""
    return _with_ids(document("materials/density.yaml", _Conversions).conversions)


class _Conversions(Strict):
    conversions: dict[str, Conversion]


class _Laws(Strict):
    modulus: dict[str, Law]
    strength: dict[str, Law]
    hold_of_a_thread: dict[str, str]

    @model_validator(mode="after")
    def _strength_reads_the_density_of_its_modulus(self) -> _Laws:
        for id, law in self.modulus.items():
            if not law.strength:
                continue
            if law.strength not in self.strength:
                raise ValueError(f"{id}: there is no strength law {law.strength}")
            other = self.strength[law.strength]
            if (other.argument, other.conversions) != (law.argument, law.conversions):
                raise ValueError(f"{id} and {law.strength} do not read the same density")
            if not law.strain_based_failure:
                raise ValueError(f"{id} must not be used with a rule of failure by strain")
        return self


def _laws() -> _Laws:
    return document("materials/laws.yaml", _Laws)


def _with_ids(rows: Mapping[str, Row]) -> Mapping[str, Row]:
    return {id: row.model_copy(update={"id": id}) for id, row in rows.items()}
