"""What programs read, as pydantic documents that read themselves off the model's nouns.

A document names the keys of the JSON; a key whose noun calls it otherwise says where to look.  What is not
named is not written: draws, fields, masks.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import AliasChoices, AliasPath, BaseModel, BeforeValidator, ConfigDict, Field

from osteoplan.model.outcome import Study

__all__ = [
    "INTENDED_USE", "ChangeDocument", "Document", "FindingDocument", "Json", "KnowledgeDocument",
    "OutcomeDocument", "PathwayDocument", "PresumedDocument", "QuestionDocument", "RigidityDocument",
    "ScoreDocument", "SourceDocument", "StandingDocument", "StrengthDocument", "SurvivalDocument",
    "TornadoDocument", "VerdictDocument", "VerificationDocument", "as_json", "called",
]  # fmt: skip

INTENDED_USE = (
    "Research use only. Not a medical device. Not for diagnosis or treatment of patients: "
    "supports discussion in a research setting and replaces no clinical judgement."
)
Json = dict[str, Any]
Effect = Literal["stop", "route", "exclude", "require", "prefer", "consider", "caution", "info"]


class Document(BaseModel):
    """A piece of JSON, read off a noun or off what was written."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, from_attributes=True)


def as_json(kind: type[Document], noun: object) -> Json:
    """A noun as the JSON of that kind."""
    return kind.model_validate(noun).model_dump(mode="json", by_alias=True)


def called(key: str, *path: str) -> Any:
    """Of a key that stands elsewhere on the noun: one attribute, or one of another."""
    return Field(validation_alias=AliasChoices(key, AliasPath(*path)))


def _plain(value: object) -> object:
    """A fact's value as JSON has it: several levels become a sorted list, a range a list of two."""
    if isinstance(value, frozenset):
        return sorted(value)
    return list(value) if isinstance(value, tuple) else value


def _six_digits(values: Any) -> list[float]:
    """More would claim what a section does not know."""
    return [float(f"{x:.6g}") for x in values]


class OutcomeDocument(Document):
    """One outcome: value and interval at a level, in a unit, on a basis."""

    id: str
    target: str = Field(alias="for")
    value: float
    low: float | None
    high: float | None
    level: float
    unit: str
    basis: Literal["simulated", "published", "elicited"]
    because: list[str]
    status: str
    study: Study | None = None
    criterion: str = ""
    beside: dict[str, float] = {}


class FindingDocument(Document):
    """One fact about the patient or lesion."""

    name: str
    value: Annotated[bool | int | float | str | list[str] | None, BeforeValidator(_plain)]
    unit: str
    source: Literal["given", "measured", "derived"]
    because: str


class ScoreDocument(Document):
    """A clinical score on what is known."""

    id: str
    name: str
    total: tuple[int | float, int | float]
    maximum: int | float
    band: list[str]
    band_text: list[str]
    missing: list[str]
    items: dict[str, tuple[int | float, int | float]]
    cite: list[str]
    status: str
    notes: list[str]
    kind: Literal["sum", "class", "table"]
    item_sources: dict[str, str] = called("item_sources", "sources")
    conflicts: list[str]
    shown_only: bool


class VerdictDocument(Document):
    """What one rule says."""

    rule: str
    block: str
    truth: bool | None
    effect: Effect
    text: str
    ask: list[str]
    cite: list[str]
    status: str
    trace: dict[
        str, Annotated[bool | int | float | str | list[float] | list[str] | None, BeforeValidator(_plain)]
    ]
    techniques: list[str]
    first: str
    remains: list[str]
    supposed: bool | None
    tag: str
    origin: str


class QuestionDocument(Document):
    """An unknown whose answer could change what is recommended: the techniques whose tier it would move."""

    fact: str
    text: str
    changes: list[str] = called("changes", "techniques")
    asked_by: list[str]


class PresumedDocument(Document):
    """A fact that nobody gave: derived from what was given, or presumed until somebody does."""

    fact: str
    value: bool | int | float | str | tuple[float, float]
    kind: Literal["derived", "presumed"]
    because: str
    cite: list[str]
    tag: str


class SourceDocument(Document):
    """A source that was used."""

    key: str
    text: str
    doi: str
    pmid: str
    url: str


class StandingDocument(Document):
    """What the rules make of one technique of the comparison set."""

    technique: str
    title: str
    kind: Literal["plan", "comparator"]
    family: str
    status: Literal["ranked", "excluded_by_rule", "refer_elsewhere", "comparator"]
    tier: Literal[1, 2, 3, 4, 5] | None
    prefer: list[str]
    consider: list[str]
    require: list[str]
    exclude: list[str]
    caution: list[str]
    info: list[str]
    open: list[str]
    first: str
    because: list[str]
    presumed: list[str]
    not_simulated: str = ""


class ChangeDocument(Document):
    """A number near a threshold, and what the rule would say beyond it."""

    rule: str
    fact: str
    value: float | tuple[float, float]
    threshold: float
    distance: float
    unit: str
    truth: bool
    becomes: bool | None
    effect: Effect


class SurvivalRowDocument(Document):
    """What one source says about the time that is left."""

    model: str
    text: str
    basis: Literal["published", "typed", "estimate"]
    at_months: float | None
    low: float | None
    high: float | None
    cite: list[str]
    status: str
    months: list[float | None] | None


class SurvivalDocument(Document):
    """Every source that has something to say, and where they point apart."""

    rows: list[SurvivalRowDocument]
    disagreements: list[str]


class KnowledgeDocument(Document):
    """Whose rules these are."""

    release: str
    version: str
    as_of: str
    local: str
    signed_by: str
    overrides: list[str]
    warnings: list[str]


class BarDocument(Document):
    """One input alone, from the low to the high end of what it makes of the outcome."""

    input: str
    title: str
    low: float
    high: float


class TornadoDocument(Document):
    """An outcome and what each input alone makes of it, widest first; ``option`` is "" for the bone now."""

    title: str
    option: str
    reference: str
    outcome: str = called("outcome", "estimate", "id")
    value: float = called("value", "estimate", "value")
    low: float | None = called("low", "estimate", "low")
    high: float | None = called("high", "estimate", "high")
    level: float = called("level", "estimate", "level")
    unit: str = called("unit", "estimate", "unit")
    bars: list[BarDocument]


Digits = Annotated[list[float], BeforeValidator(_six_digits)]


class ProfileDocument(Document):
    """Sections along a segment of bone: places on the axis [mm], rigidities, and whether each counts."""

    along_mm: Digits
    EA_N: Digits
    EI_weak_Nmm2: Digits
    EI_strong_Nmm2: Digits
    GJ_Nmm2: Digits
    area_mm2: Digits
    beam: Annotated[list[bool], BeforeValidator(lambda flags: np.asarray(flags).tolist())]


class RigidityDocument(Document):
    """What a lesion takes from the sections of a segment of bone."""

    stretch: str = called("stretch", "now", "segment")
    outcomes: list[OutcomeDocument]
    intact: ProfileDocument
    now: ProfileDocument


class LifeLoadDocument(Document):
    """A load of life; null where weight or height is needed and unknown."""

    id: str
    title: str
    value: float | None
    low: float | None
    high: float | None
    unit: str
    formula: str
    cite: list[str]
    status: str
    note: str


class ThresholdDocument(Document):
    """A limit that others published: shown, never used to decide."""

    outcome: str
    title: str
    value: float
    unit: str
    status: str
    note: str
    cite: list[str]


class LoadCaseDocument(Document):
    """How the bone is held and loaded, and what others say of the size of loads and strengths."""

    id: str
    target: str = Field(validation_alias="title", serialization_alias="for")
    held: str
    loaded: str
    direction: str
    loads: list[LifeLoadDocument]
    thresholds: list[ThresholdDocument]


class YieldingDocument(Document):
    """One load case until the bone yields."""

    target: str = Field(serialization_alias="for")
    intact: OutcomeDocument | None
    now: OutcomeDocument | None
    ratio_pct: float | None = Field(serialization_alias="strength_ratio_to_intact_pct")
    how: str
    laws: dict[str, str]
    path: list[list[float]]
    diagnostics: dict[str, Any]


class LadderDocument(Document):
    """Strength by yielding."""

    level: str
    rows: list[YieldingDocument]
    warnings: list[str]


class StrengthDocument(Document):
    """Strength before treatment; ``outcomes`` is ``now`` again."""

    intended_use: str = INTENDED_USE
    outcomes: list[OutcomeDocument] = Field(validation_alias="now")
    now: list[OutcomeDocument]
    intact: list[OutcomeDocument]
    intact_basis: str
    load_cases: list[LoadCaseDocument] = Field(validation_alias="boundary_summaries")
    diagnostics: dict[str, Any]
    sensitivity: list[TornadoDocument] = Field(validation_alias="tornadoes")
    rigidity: list[RigidityDocument]
    ladder: LadderDocument | None = Field(validation_alias="yielding")
    files: list[Path]
    warnings: list[str]


class PathwayDocument(Document):
    """What the clinical brain says on facts."""

    intended_use: str = INTENDED_USE
    knowledge: KnowledgeDocument
    line_of_therapy: list[str] = []  # the standings say it; the key stays for those who read it
    standings: list[StandingDocument] = Field(validation_alias="recommendations")
    presumed: list[PresumedDocument]
    would_change: list[ChangeDocument] = Field(validation_alias="near_thresholds")
    survival: SurvivalDocument
    verdicts: list[VerdictDocument]
    scores: list[ScoreDocument]
    questions: list[QuestionDocument]
    checklist: list[QuestionDocument]
    sources: list[SourceDocument]


class VerificationCaseDocument(Document):
    """One check; ``got`` and ``ok`` are null and ``reason`` says why where it could not run."""

    id: str
    title: str
    expected: float
    tolerance: float | None
    got: float | None
    unit: str
    source: str
    reason: str
    note: str
    ok: bool | None


class VerificationDocument(Document):
    """Closed forms and published answers, computed now."""

    cases: list[VerificationCaseDocument]
    seconds: float
