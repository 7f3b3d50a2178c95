"""Value as ``plan.json`` holds it: estimates without their draws, survival as points."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator

from osteoplan.io.documents import Document, OutcomeDocument
from osteoplan.model.certainty import Bar
from osteoplan.model.value import AcceptableAt, PriceBase, WorthKnowing

__all__ = ["CohortDocument", "ValueDocument"]

Numbers = Annotated[list[float], BeforeValidator(list)]


class SurvivalCurveDocument(Document):
    """The survival that was used: shares alive at the known points, at the central value."""

    source: str
    months: Numbers
    value: Numbers
    fact: str
    cite: list[str]


class TechniqueValueDocument(Document):
    """One technique by itself."""

    technique: str
    title: str
    qaly: OutcomeDocument | None
    cost: OutcomeDocument | None
    nmb: OutcomeDocument | None
    base: PriceBase | None
    missing: list[str]
    rests_on: list[str]


class PairValueDocument(Document):
    """One technique less another, over what both have."""

    technique: str
    reference: str
    qaly: OutcomeDocument
    cost: OutcomeDocument | None
    nmb: OutcomeDocument | None
    told: Literal["better", "worse", "cannot say"]
    by: Literal["nmb", "qaly"]
    because: str
    inputs: list[str]
    base: PriceBase | None


class ValueDocument(Document):
    """What the options left are worth to a patient like this one."""

    techniques: list[TechniqueValueDocument]
    pairs: list[PairValueDocument]
    compared: list[str]
    inputs: list[str]
    leading: list[str]
    base: PriceBase | None
    thresholds: list[float]
    unit: str
    acceptability: list[AcceptableAt]
    perfect_information: float | None
    worth: list[WorthKnowing]
    one_at_a_time: list[Bar]
    survival: SurvivalCurveDocument | None
    missing: list[str]
    assumptions: list[str]
    sources: list[str]
    draws: int
    level: float


class StrategyDocument(Document):
    """One strategy of a cohort."""

    strategy: str
    cost: OutcomeDocument
    qaly: OutcomeDocument
    place: str
    icer: float | None


class CohortDocument(Document):
    """A cohort model that was run; the interval of an outcome is that of its uncertain inputs."""

    name: str
    currency: str
    thresholds: list[float]
    states: list[str]
    strategies: list[StrategyDocument]
    leading: list[str]
    acceptability: list[AcceptableAt]
    perfect_information: float | None
    worth: list[WorthKnowing]
    one_at_a_time: list[Bar]
    draws: int
