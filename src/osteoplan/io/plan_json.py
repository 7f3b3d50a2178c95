"""``plan.json``, schema ``osteoplan.plan/1``: what a program reads of a plan.

The pydantic documents below are the schema; ``schema/plan-1.json`` in the package is written from them and a
test keeps the two equal.
"""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from pydantic import ConfigDict, Field, ValidationError

from osteoplan.errors import BadInput
from osteoplan.io.certainty_json import (
    RigidityDocument,
    TornadoDocument,
    rigidity_document,
    tornado_document,
)
from osteoplan.io.clinical_json import (
    ChangeDocument,
    ConflictDocument,
    KnowledgeDocument,
    LineDocument,
    StandingDocument,
    SurvivalDocument,
    change_document,
    conflict_document,
    fact_document,
    knowledge_document,
    line_documents,
    standing_document,
    survival_document,
)
from osteoplan.io.yaml import write_text
from osteoplan.knowledge.load import Strict
from osteoplan.model.comparison import Comparison, Difference
from osteoplan.model.evidence import Citation, Question, ScoreResult, Verdict
from osteoplan.model.outcome import Estimate
from osteoplan.model.plan import Option, Step
from osteoplan.model.result import PlanResult

__all__ = [
    "INTENDED_USE",
    "PlanDocument",
    "citation_document",
    "json_schema",
    "outcome_document",
    "plan_document",
    "question_document",
    "read_plan",
    "score_document",
    "verdict_document",
    "write_plan",
]

INTENDED_USE = (
    "Research use only. Not a medical device. Not for diagnosis or treatment of patients: "
    "supports discussion in a research setting and replaces no clinical judgement."
)
Json = dict[str, Any]


class _Document(Strict):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class OutcomeDocument(_Document):
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


class FindingDocument(_Document):
    """One fact about the patient or lesion."""

    name: str
    value: bool | int | float | str | list[str] | None
    unit: str
    source: Literal["given", "measured", "derived"]
    because: str


class ScoreDocument(_Document):
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
    kind: Literal["sum", "class", "table"] = "sum"
    item_sources: dict[str, str] = {}
    conflicts: list[str] = []
    shown_only: bool = False


class VerdictDocument(_Document):
    """What one rule says."""

    rule: str
    block: str
    truth: bool | None
    effect: Literal["stop", "route", "require", "exclude", "prefer", "consider", "warn"]
    text: str
    ask: list[str]
    cite: list[str]
    status: str
    trace: dict[str, bool | int | float | str | list[float] | list[str] | None]
    techniques: list[str] = []
    line: Literal["", "first", "second", "third"] = ""
    tag: str = ""
    origin: str = ""


class ReasonDocument(_Document):
    """Why an option has its status."""

    text: str
    rule: str


class OptionDocument(_Document):
    """A plan or a comparator."""

    id: str
    technique: str
    title: str
    lesion: str
    kind: Literal["plan", "comparator"]
    status: Literal[
        "ranked", "excluded_by_rule", "refer_elsewhere", "infeasible", "exceeds_limit", "failed", "comparator"
    ]
    reasons: list[ReasonDocument]
    steps: list[dict[str, Any]]
    clearances: list[OutcomeDocument]
    outcomes: list[OutcomeDocument]
    warnings: list[str]


class QuestionDocument(_Document):
    """An unknown that could change a verdict."""

    fact: str
    text: str
    asked_by: list[str]


class SourceDocument(_Document):
    """A source used in this plan."""

    key: str
    text: str
    doi: str
    pmid: str
    url: str


class DifferenceDocument(_Document):
    """A paired difference to the reference option."""

    option: str
    reference: str
    outcome: OutcomeDocument
    supported: bool


class ComparisonDocument(_Document):
    """Options side by side."""

    kind: str
    reference: str
    ranked_by: str
    ranking: list[str]
    ties: list[tuple[str, str]]
    emptied_by: str
    differences: list[DifferenceDocument]
    between: list[DifferenceDocument] = []
    notes: list[str]


class StampDocument(_Document):
    """What made the plan."""

    program: str
    knowledge: str
    inputs: dict[str, str]
    settings: dict[str, Any]
    seed: int
    created: str
    identity: str


class PlanDocument(_Document):
    """A whole plan."""

    schema_id: Literal["osteoplan.plan/1"] = Field(alias="schema")
    intended_use: str
    id: str
    case: str
    case_folder: str
    lesion: str
    bone: str
    level_confirmed: bool
    simulated: bool
    calibrated: bool
    stamp: StampDocument
    findings: list[FindingDocument]
    scores: list[ScoreDocument]
    verdicts: list[VerdictDocument]
    intact: list[OutcomeDocument]
    now: list[OutcomeDocument]
    options: list[OptionDocument]
    comparison: ComparisonDocument
    # absent from plans of earlier versions, which stay readable
    standings: list[StandingDocument] = []
    conflicts: list[ConflictDocument] = []
    would_change: list[ChangeDocument] = []
    line_of_therapy: list[LineDocument] = []
    survival: SurvivalDocument | None = None
    knowledge: KnowledgeDocument | None = None
    sensitivity: list[TornadoDocument] = []
    rigidity: list[RigidityDocument] = []
    questions: list[QuestionDocument]
    sources: list[SourceDocument]
    warnings: list[str]
    credits: list[str]


def plan_document(result: PlanResult, *, case_folder: str) -> Json:
    """The plan as ``plan.json`` holds it; ``case_folder`` is relative to the file."""
    lesion = result.reading.anatomy.lesion
    document = PlanDocument.model_validate(
        {
            "schema": "osteoplan.plan/1",
            "intended_use": INTENDED_USE,
            "id": result.id,
            "case": result.reading.case.id,
            "case_folder": case_folder,
            "lesion": lesion.id,
            "bone": lesion.bone,
            "level_confirmed": lesion.level_confirmed,
            "simulated": lesion.simulated,
            "calibrated": result.reading.anatomy.calibration.calibrated,
            "stamp": {**asdict(result.stamp), "identity": result.stamp.identity},
            "findings": [
                {**asdict(finding), "value": fact_document(finding.value)}
                for finding in result.reading.findings
            ],
            "scores": [score_document(score) for score in result.explanation.scores],
            "verdicts": [verdict_document(verdict) for verdict in result.explanation.verdicts],
            "intact": [outcome_document(o) for o in result.simulations.intact],
            "now": [outcome_document(o) for o in result.simulations.now],
            "options": [_option(option) for option in result.simulations.options],
            "comparison": _comparison(result.comparison),
            "standings": [standing_document(standing) for standing in result.explanation.standings],
            "conflicts": [conflict_document(conflict) for conflict in result.explanation.conflicts],
            "would_change": [change_document(change) for change in result.explanation.changes],
            "line_of_therapy": line_documents(result.explanation.line),
            "survival": survival_document(result.explanation.survival),
            "knowledge": knowledge_document(result.explanation.knowledge),
            "sensitivity": [tornado_document(tornado) for tornado in result.tornadoes],
            "rigidity": [
                rigidity_document(part, [outcome_document(o) for o in part.outcomes])
                for part in result.rigidity
            ],
            "questions": [question_document(question) for question in result.explanation.questions],
            "sources": [citation_document(citation) for citation in result.citations],
            "warnings": list(result.warnings),
            "credits": list(result.credits),
        }
    )
    return document.model_dump(mode="json", by_alias=True)


def write_plan(document: Json, path: Path) -> None:
    """Write a plan, valid against the published schema or not at all."""
    import jsonschema

    jsonschema.validate(document, json_schema())
    write_text(path, json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def read_plan(path: Path) -> Json:
    """A plan from disk, checked.

    Raises:
        BadInput: absent, not JSON, or not a plan of this schema.
    """
    if not path.is_file():
        raise BadInput(f"{path}: no such file; 'osteoplan plan CASE' writes one")
    try:
        document: Json = json.loads(path.read_text(encoding="utf-8"))
        PlanDocument.model_validate(document)
    except (json.JSONDecodeError, UnicodeDecodeError) as why:
        raise BadInput(f"{path}: not valid JSON ({why}); plan the case again") from why
    except ValidationError as why:
        first = why.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise BadInput(f"{path}: not an osteoplan.plan/1 document ({place}: {first['msg']})") from why
    return document


@cache
def json_schema() -> Json:
    """The schema that is published in the package."""
    text = resources.files("osteoplan.io").joinpath("schema/plan-1.json").read_text(encoding="utf-8")
    schema: Json = json.loads(text)
    return schema


def outcome_document(estimate: Estimate) -> Json:
    """An outcome without its draws."""
    return {
        "id": estimate.id,
        "for": estimate.target,
        "value": estimate.value,
        "low": estimate.low,
        "high": estimate.high,
        "level": estimate.level,
        "unit": estimate.unit,
        "basis": estimate.basis,
        "because": list(estimate.because),
        "status": estimate.status,
    }


def score_document(score: ScoreResult) -> Json:
    """A score as ``osteoplan score --json`` and ``plan.json`` print it."""
    return {
        "id": score.id,
        "name": score.name,
        "total": list(score.total),
        "maximum": score.maximum,
        "band": list(score.band),
        "band_text": list(score.band_text),
        "missing": list(score.missing),
        "items": {item: list(points) for item, points in score.items.items()},
        "cite": list(score.cite),
        "status": score.status,
        "notes": list(score.notes),
        "kind": score.kind,
        "item_sources": dict(score.sources),
        "conflicts": list(score.conflicts),
        "shown_only": score.shown_only,
    }


def verdict_document(verdict: Verdict) -> Json:
    """A verdict as ``osteoplan pathway --json`` and ``plan.json`` print it."""
    return {
        "rule": verdict.rule,
        "block": verdict.block,
        "truth": verdict.truth,
        "effect": verdict.effect,
        "text": verdict.text,
        "ask": list(verdict.ask),
        "cite": list(verdict.cite),
        "status": verdict.status,
        "trace": {name: fact_document(value) for name, value in verdict.trace.items()},
        "techniques": list(verdict.techniques),
        "line": verdict.line,
        "tag": verdict.tag,
        "origin": verdict.origin,
    }


def question_document(question: Question) -> Json:
    """An open question."""
    return {"fact": question.fact, "text": question.text, "asked_by": list(question.asked_by)}


def citation_document(citation: Citation) -> Json:
    """A source."""
    return asdict(citation)


def _step(step: Step) -> Json:
    """A step with its act's fields beside it."""
    act = {field.name: getattr(step.act, field.name) for field in fields(step.act)}
    return {
        "act": type(step.act).__name__.lower(),
        "order": step.order,
        "session": step.session,
        "why": step.why,
        **{key: list(value) if isinstance(value, tuple) else value for key, value in act.items()},
    }


def _option(option: Option) -> Json:
    plan = option.plan
    return {
        "id": plan.id,
        "technique": plan.technique,
        "title": plan.title,
        "lesion": plan.lesion,
        "kind": option.kind,
        "status": option.status,
        "reasons": [asdict(reason) for reason in option.reasons],
        "steps": [_step(step) for step in plan.steps],
        "clearances": [outcome_document(c) for c in plan.clearances],
        "outcomes": [outcome_document(o) for o in option.outcomes],
        "warnings": list(option.warnings),
    }


def _comparison(comparison: Comparison) -> Json:
    return {
        "kind": comparison.kind,
        "reference": comparison.reference,
        "ranked_by": comparison.ranked_by,
        "ranking": list(comparison.ranking),
        "ties": [list(pair) for pair in comparison.ties],
        "emptied_by": comparison.emptied_by,
        "differences": [_difference(d) for d in comparison.differences],
        "between": [_difference(d) for d in comparison.between],
        "notes": list(comparison.notes),
    }


def _difference(found: Difference) -> Json:
    return {
        "option": found.option,
        "reference": found.reference,
        "outcome": outcome_document(found.estimate),
        "supported": found.supported,
    }
