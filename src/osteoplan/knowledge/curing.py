"""How acrylic cement sets, by three published sets of constants (``data/curing``)."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from functools import cache

from pydantic import Field

from osteoplan.knowledge.load import Cited, KnownRow, Strict, document
from osteoplan.model.evidence import Known

__all__ = ["CuringKinetics", "curing_kinetics", "curing_start"]

FILE = "curing/kinetics.yaml"


class _SetRow(Cited):
    id: str
    title: str
    rate_1_s: float = Field(gt=0)
    energy_J_mol: float = Field(gt=0)
    m: float
    n: float
    heat_J_kg: float = Field(gt=0)
    glass_K: float | None = None


class _CuringFile(Strict):
    date: datetime.date | None = None
    density_kg_m3: KnownRow
    seed: KnownRow
    start_degC: KnownRow
    sets: tuple[_SetRow, ...]


@dataclass(frozen=True)
class CuringKinetics:
    """dw/dt = rate exp(-energy / (R T)) w^m (whole - w)^n, and the heat [J/m3] of all of it.

    Attributes:
        glass_K: over which the temperature gives ``whole``; None: all of it sets.
        seed: share that has set at the start.
    """

    id: str
    title: str
    rate_1_s: float
    energy_J_mol: float
    m: float
    n: float
    heat_J_m3: float
    glass_K: float | None
    seed: float


@cache
def curing_kinetics() -> tuple[CuringKinetics, ...]:
    """The sets, in the order in which they are told."""
    file = document(FILE, _CuringFile)
    density, seed = (one.known(FILE).number for one in (file.density_kg_m3, file.seed))
    return tuple(
        CuringKinetics(
            row.id, row.title, row.rate_1_s, row.energy_J_mol, row.m, row.n, density * row.heat_J_kg,
            row.glass_K, seed,
        )
        for row in file.sets
    )  # fmt: skip


def curing_start() -> Known:
    """Temperature of cement as it comes out of its needle."""
    return document(FILE, _CuringFile).start_degC.known(f"start_degC in {FILE}")
