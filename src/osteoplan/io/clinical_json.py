"""What the clinical brain says, as JSON: standings, conflicts, near thresholds, survival, knowledge used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from osteoplan.model.evidence import Change, Conflict, KnowledgeUsed, Standing
from osteoplan.model.survival import Survival

__all__ = [
    "ChangeDocument",
    "ConflictDocument",
    "KnowledgeDocument",
    "LineDocument",
    "StandingDocument",
    "SurvivalDocument",
    "change_document",
    "conflict_document",
    "fact_document",
    "knowledge_document",
    "line_documents",
    "standing_document",
    "survival_document",
]

Json = dict[str, Any]
_Effect = Literal["stop", "route", "require", "exclude", "prefer", "consider", "warn"]


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid")


class StandingDocument(_Document):
    """What the rules make of one technique of the comparison set."""

    technique: str
    title: str
    kind: Literal["plan", "comparator"]
    family: str
    status: Literal["ranked", "excluded_by_rule", "refer_elsewhere", "comparator"]
    rank: int | None
    prefer: list[str]
    consider: list[str]
    warn: list[str]
    require: list[str]
    exclude: list[str]
    open: list[str]
    reasons: list[str]


class ConflictDocument(_Document):
    """Rules that point opposite ways on one technique."""

    technique: str
    title: str
    supports: list[str]
    against: list[str]


class ChangeDocument(_Document):
    """A number near a threshold, and what the rule would say beyond it."""

    rule: str
    fact: str
    value: float | tuple[float, float]
    threshold: float
    distance: float
    unit: str
    truth: bool
    becomes: bool | None
    effect: _Effect


class LineDocument(_Document):
    """Whether a rule for this line of therapy is true, and which."""

    line: Literal["first", "second", "third"]
    truth: bool | None
    rules: list[str]


class SurvivalRowDocument(_Document):
    """What one source says about the time that is left."""

    model: str
    text: str
    basis: Literal["published", "typed", "estimate"]
    at_months: float | None
    low: float | None
    high: float | None
    cite: list[str]
    status: str
    months: list[float | None] | None = None


class SurvivalDocument(_Document):
    """Every source that has something to say, and where they point apart."""

    rows: list[SurvivalRowDocument]
    disagreements: list[str]


class KnowledgeDocument(_Document):
    """Whose rules these are."""

    release: str
    version: str
    as_of: str
    local: str
    signed_by: str
    overrides: list[str]
    warnings: list[str]


def standing_document(standing: Standing) -> Json:
    """A technique's standing as ``osteoplan pathway --json`` and ``plan.json`` print it."""
    return StandingDocument.model_validate(_lists(asdict(standing))).model_dump(mode="json")


def conflict_document(conflict: Conflict) -> Json:
    """Two sides of a conflict."""
    return ConflictDocument.model_validate(_lists(asdict(conflict))).model_dump(mode="json")


def change_document(change: Change) -> Json:
    """What would change a verdict."""
    return ChangeDocument.model_validate(asdict(change)).model_dump(mode="json")


def line_documents(line: Mapping[str, tuple[bool | None, tuple[str, ...]]]) -> list[Json]:
    """First, second and third line, each with its rules."""
    return [{"line": name, "truth": truth, "rules": list(rules)} for name, (truth, rules) in line.items()]


def survival_document(survival: Survival) -> Json:
    """What is said about the time that is left."""
    rows = [_lists(asdict(row)) for row in survival.rows]
    found = SurvivalDocument.model_validate({"rows": rows, "disagreements": list(survival.disagreements)})
    return found.model_dump(mode="json")


def knowledge_document(used: KnowledgeUsed) -> Json:
    """Release, digest, day and overrides."""
    return KnowledgeDocument.model_validate(_lists(asdict(used))).model_dump(mode="json")


def fact_document(value: object) -> object:
    """A fact's value as JSON has it: several levels become a sorted list, a range a list of two."""
    if isinstance(value, frozenset):
        return sorted(value)
    return list(value) if isinstance(value, tuple) else value


def _lists(fields: Json) -> Json:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in fields.items()}
