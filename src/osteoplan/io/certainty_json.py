"""How sure a plan is, as ``plan.json`` and ``osteoplan strength --json`` print it: tornadoes and sections."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from pydantic import ConfigDict

from osteoplan.knowledge.load import Strict
from osteoplan.model.certainty import Tornado
from osteoplan.model.outcome import Estimate
from osteoplan.model.rigidity import Rigidity, RigidityProfile

__all__ = ["ProfileDocument", "RigidityDocument", "TornadoDocument", "rigidity_document", "tornado_document"]

Json = dict[str, Any]


class _Document(Strict):
    model_config = ConfigDict(extra="forbid", frozen=True)


class BarDocument(_Document):
    """One input alone, from the low to the high end of what it makes of the outcome."""

    input: str
    title: str
    low: float
    high: float


class TornadoDocument(_Document):
    """An outcome and what each input alone makes of it, widest first; ``option`` is "" for the bone now."""

    title: str
    option: str
    reference: str
    outcome: str
    value: float
    low: float | None
    high: float | None
    level: float
    unit: str
    bars: list[BarDocument]


class ProfileDocument(_Document):
    """Sections along a stretch of bone: places on the axis [mm], rigidities, and whether each counts."""

    along_mm: list[float]
    EA_N: list[float]
    EI_weak_Nmm2: list[float]
    EI_strong_Nmm2: list[float]
    GJ_Nmm2: list[float]
    area_mm2: list[float]
    beam: list[bool]


class RigidityDocument(_Document):
    """What a lesion takes from the sections of a stretch of bone."""

    stretch: str
    outcomes: list[dict[str, Any]]
    intact: ProfileDocument
    now: ProfileDocument


def tornado_document(tornado: Tornado) -> Json:
    """A tornado."""
    outcome: Estimate = tornado.outcome
    return {
        "title": tornado.title,
        "option": tornado.option,
        "reference": tornado.reference,
        "outcome": outcome.id,
        "value": outcome.value,
        "low": outcome.low,
        "high": outcome.high,
        "level": outcome.level,
        "unit": outcome.unit,
        "bars": [asdict(bar) for bar in tornado.bars],
    }


def rigidity_document(found: Rigidity, outcomes: list[Json]) -> Json:
    """The sections of one stretch; ``outcomes`` are its losses as documents."""
    return {
        "stretch": found.now.stretch,
        "outcomes": outcomes,
        "intact": _profile(found.intact),
        "now": _profile(found.now),
    }


def _profile(profile: RigidityProfile) -> Json:
    """Six digits: more would claim what a section does not know."""
    names = ("along_mm", "EA_N", "EI_weak_Nmm2", "EI_strong_Nmm2", "GJ_Nmm2", "area_mm2")
    rows = {name: [float(f"{x:.6g}") for x in getattr(profile, name)] for name in names}
    return {**rows, "beam": [bool(x) for x in profile.beam]}
