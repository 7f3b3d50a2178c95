"""``plan.json``, schema ``osteoplan.plan/2``: what a program reads of a plan.

The pydantic documents below are the schema; ``schema/plan-2.json`` in the package is written from them and a
test keeps the two equal.  A file of an older schema is brought up to this one (``io.migrations``).  Options
and wordings can be read back as the nouns that they were.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_type_hints

from pydantic import (
    AliasChoices,
    AliasPath,
    BeforeValidator,
    Field,
    TypeAdapter,
    ValidationError,
    create_model,
)
from pydantic.json_schema import GenerateJsonSchema

from osteoplan.arrays import Point
from osteoplan.errors import BadInput
from osteoplan.io.documents import (
    INTENDED_USE,
    ChangeDocument,
    Document,
    FindingDocument,
    Json,
    KnowledgeDocument,
    OutcomeDocument,
    PresumedDocument,
    QuestionDocument,
    RigidityDocument,
    ScoreDocument,
    SourceDocument,
    StandingDocument,
    SurvivalDocument,
    TornadoDocument,
    VerdictDocument,
    as_json,
    called,
)
from osteoplan.io.migrations import SCHEMA, migrated
from osteoplan.io.value_json import ValueDocument
from osteoplan.io.way_json import angles_document
from osteoplan.io.yaml import write_text
from osteoplan.model.choice import Choice
from osteoplan.model.heat import HeatLimit, HeatPeak
from osteoplan.model.outcome import Estimate, Study
from osteoplan.model.outcome_table import OutcomeTable
from osteoplan.model.plan import Act, Option, Place, Plan, Reason, Segment, Step
from osteoplan.model.preference import PreferenceResult
from osteoplan.model.result import PlanResult, Wordings

__all__ = [
    "PlanDocument", "estimate_noun", "heat_peaks", "json_schema", "made_schema", "option_noun",
    "plan_document", "read_plan", "wordings_noun", "write_plan",
]  # fmt: skip

_ACTS: Mapping[str, type[Any]] = {kind.__name__.lower(): kind for kind in get_args(Act)}
_OF_STEP = ("act", "order", "session", "why", "angles")
# where a plan's keys stand
_LESION = ("result", "reading", "anatomy", "lesion")
_EXPLAINED, _SIMULATED = ("result", "explanation"), ("result", "simulations")


def _step(step: Any) -> Any:
    """A step with its act's fields beside it."""
    if not isinstance(step, Step):
        return step
    act = {field.name: getattr(step.act, field.name) for field in fields(step.act)}
    return {
        "act": type(step.act).__name__.lower(),
        "order": step.order,
        "session": step.session,
        "why": step.why,
        **act,
        **(
            {"angles": angles_document(step.act.entry_mm, step.act.target_mm)}
            if isinstance(step.act, Place)
            else {}
        ),
    }


def _step_document(kind: type[Any]) -> type[Document]:
    """The document of one act: its own fields beside those of a step."""
    hints = get_type_hints(kind)
    own: Any = {
        one.name: (hints[one.name], ... if one.default is MISSING else one.default) for one in fields(kind)
    }
    angles: Any = {"angles": (dict[str, Any], {})} if kind is Place else {}
    named: Any = (Literal[kind.__name__.lower()], ...)
    return create_model(
        f"{kind.__name__}Step", __base__=Document, act=named, order=(int, ...), session=(int, ...),
        why=(str, ...), **own, **angles,
    )  # fmt: skip


if TYPE_CHECKING:
    StepDocument = Document
else:
    StepDocument = Annotated[
        Union[tuple(map(_step_document, _ACTS.values()))],  # noqa: UP007
        Field(discriminator="act"),
    ]


class ReasonDocument(Document):
    """Why an option has its status."""

    text: str
    rule: str


class OptionDocument(Document):
    """A plan or a comparator."""

    id: str
    technique: str = called("technique", "plan", "technique")
    title: str = called("title", "plan", "title")
    short_title: str = called("short_title", "plan", "short_title")
    lesion: str = called("lesion", "plan", "lesion")
    approach: str = called("approach", "plan", "approach")
    uses: list[str] = called("uses", "plan", "uses")
    remarks: list[str] = called("remarks", "plan", "remarks")
    kind: Literal["plan", "comparator"]
    status: Literal[
        "ranked", "excluded_by_rule", "refer_elsewhere", "infeasible", "exceeds_limit", "failed", "comparator"
    ]
    reasons: list[ReasonDocument]
    steps: list[Annotated[StepDocument, BeforeValidator(_step)]] = called("steps", "plan", "steps")
    clearances: list[OutcomeDocument] = called("clearances", "plan", "clearances")
    outcomes: list[OutcomeDocument]
    warnings: list[str]


class DifferenceDocument(Document):
    """A paired difference to the reference option."""

    option: str
    reference: str
    outcome: OutcomeDocument = called("outcome", "estimate")
    supported: bool


class ComparisonDocument(Document):
    """Options side by side."""

    kind: str
    reference: str
    ranked_by: str
    ranking: list[str]
    groups: list[list[str]]
    ties: list[tuple[str, str]]
    emptied_by: str
    differences: list[DifferenceDocument]
    between: list[DifferenceDocument]
    notes: list[str]


class HeatPeakDocument(Document):
    """How far a structure strayed, where (LPS mm) and when; the limits are null where none is known."""

    structure: str
    at_mm: Point
    time_s: float
    degC: float
    colder: bool
    low_degC: float | None = called("low_degC", "limit", "low_degC")
    high_degC: float | None = called("high_degC", "limit", "high_degC")
    cite: list[str] = called("cite", "limit", "cite")


class HeatDocument(Document):
    """One delivery of heat or cold, as it was simulated; its outcomes stand with those of the option."""

    device: str
    source: str
    step: int
    seconds: float
    power_W: float
    energy_error: float = called("energy_error", "audit")
    peaks: list[HeatPeakDocument]
    stamps: list[str]
    not_judged: list[str]
    notes: list[str]


class StampDocument(Document):
    """What made the plan."""

    program: str
    knowledge: str
    inputs: dict[str, str]
    settings: dict[str, Any]
    seed: int
    created: str
    identity: str


class PlanDocument(Document):
    """A whole plan; ``wordings`` is null where an older version wrote it: nobody knows what it said."""

    schema_id: Literal["osteoplan.plan/2"] = Field(alias="schema")
    intended_use: str
    id: str = called("id", "result", "id")
    case: str = called("case", "result", "reading", "case", "id")
    case_folder: str
    lesion: str = called("lesion", *_LESION, "id")
    bone: str = called("bone", *_LESION, "bone")
    level_confirmed: bool = called("level_confirmed", *_LESION, "level_confirmed")
    simulated: bool = called("simulated", *_LESION, "simulated")
    calibrated: bool = called("calibrated", "result", "reading", "anatomy", "calibration", "calibrated")
    stamp: StampDocument = called("stamp", "result", "stamp")
    findings: Annotated[list[FindingDocument], BeforeValidator(list)] = called(
        "findings", "result", "reading", "findings"
    )
    scores: list[ScoreDocument] = called("scores", *_EXPLAINED, "scores")
    verdicts: list[VerdictDocument] = called("verdicts", *_EXPLAINED, "verdicts")
    intact: list[OutcomeDocument] = called("intact", *_SIMULATED, "intact")
    now: list[OutcomeDocument] = called("now", *_SIMULATED, "now")
    options: list[OptionDocument] = called("options", *_SIMULATED, "options")
    comparison: ComparisonDocument = called("comparison", "result", "comparison")
    standings: list[StandingDocument] = called("standings", *_EXPLAINED, "recommendations")
    presumed: list[PresumedDocument] = called("presumed", *_EXPLAINED, "presumed")
    would_change: list[ChangeDocument] = called("would_change", *_EXPLAINED, "near_thresholds")
    line_of_therapy: list[str] = []
    survival: SurvivalDocument | None = called("survival", *_EXPLAINED, "survival")
    knowledge: KnowledgeDocument | None = called("knowledge", *_EXPLAINED, "knowledge")
    sensitivity: list[TornadoDocument] = called("sensitivity", "result", "tornadoes")
    rigidity: list[RigidityDocument] = called("rigidity", "result", "rigidity")
    questions: list[QuestionDocument] = called("questions", *_EXPLAINED, "questions")
    checklist: list[QuestionDocument] = called("checklist", *_EXPLAINED, "checklist")
    sources: list[SourceDocument] = called("sources", "result", "citations")
    choice: Choice | None = called("choice", "result", "choice")
    preference: PreferenceResult | None = called("preference", "result", "preference")
    value: ValueDocument | None = called("value", "result", "value")
    published: dict[str, list[OutcomeDocument]] = called("published", "result", "published")
    outcome_table: OutcomeTable | None = called("outcome_table", "result", "outcome_table")
    heat: dict[str, list[HeatDocument]] = Field(
        default_factory=dict, validation_alias=AliasChoices("heat", AliasPath(*_SIMULATED, "heat"))
    )
    warnings: list[str] = called("warnings", "result", "warnings")
    credits: list[str] = called("credits", "result", "credits")
    wordings: Wordings | None = called("wordings", "result", "wordings")


@dataclass(frozen=True)
class _Filed:
    """A result with what its file says of itself."""

    result: PlanResult
    case_folder: str
    schema: str = SCHEMA
    intended_use: str = INTENDED_USE


def plan_document(result: PlanResult, *, case_folder: str) -> Json:
    """The plan as ``plan.json`` holds it; ``case_folder`` is relative to the file."""
    return as_json(PlanDocument, _Filed(result, case_folder))


def write_plan(document: Json, path: Path) -> None:
    """Write a plan, valid against the published schema or not at all."""
    from jsonschema import Draft202012Validator  # that the schema itself is sound is tested, not asked here

    for error in Draft202012Validator(json_schema()).iter_errors(document):
        raise error
    write_text(path, json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def read_plan(path: Path) -> Json:
    """A plan from disk, checked; one of an older schema as this one would hold it.

    Raises:
        BadInput: absent, not JSON, not a plan, or a plan of a newer schema.
    """
    if not path.is_file():
        raise BadInput(f"{path}: no such file; 'osteoplan plan CASE' writes one")
    try:
        document: Json = migrated(json.loads(path.read_text(encoding="utf-8")), str(path))
        PlanDocument.model_validate(document)
    except (json.JSONDecodeError, UnicodeDecodeError) as why:
        raise BadInput(f"{path}: not valid JSON ({why}); plan the case again") from why
    except ValidationError as why:
        first = why.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise BadInput(f"{path}: not an {SCHEMA} document ({place}: {first['msg']})") from why
    return document


class _WithoutNotes(GenerateJsonSchema):
    """The schema without the notes that nouns of the model carry for their readers."""

    def dataclass_schema(self, schema: Any) -> Json:
        """What the nouns of ``wordings`` hold."""
        return {key: value for key, value in super().dataclass_schema(schema).items() if key != "description"}


def made_schema() -> Json:
    """The schema as the documents above have it; the published file is written from it."""
    made = PlanDocument.model_json_schema(by_alias=True, schema_generator=_WithoutNotes)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": SCHEMA, **made}


@cache
def json_schema() -> Json:
    """The schema that is published in the package."""
    text = resources.files("osteoplan.io").joinpath("schema/plan-2.json").read_text(encoding="utf-8")
    schema: Json = json.loads(text)
    return schema


def option_noun(document: Json) -> Option:
    """The option that a checked ``plan.json`` holds; estimates come without their draws.

    Raises:
        BadInput: a step that is no act of this version.
    """
    plan = Plan(
        id=document["id"],
        technique=document["technique"],
        title=document["title"],
        lesion=document["lesion"],
        steps=tuple(_read_step(step, document["id"]) for step in document["steps"]),
        approach=document["approach"],
        uses=tuple(document["uses"]),
        remarks=tuple(document["remarks"]),
        clearances=tuple(estimate_noun(outcome) for outcome in document["clearances"]),
        short_title=document["short_title"],
    )
    return Option(
        plan=plan,
        kind=document["kind"],
        status=document["status"],
        reasons=tuple(Reason(**reason) for reason in document["reasons"]),
        outcomes=tuple(estimate_noun(outcome) for outcome in document["outcomes"]),
        warnings=tuple(document["warnings"]),
    )


def heat_peaks(document: Json, option: str) -> tuple[HeatPeak, ...]:
    """What each structure felt in every delivery of an option of a checked ``plan.json``."""
    return tuple(
        HeatPeak(
            one["structure"], tuple(one["at_mm"]), one["time_s"], one["degC"], one["colder"],
            HeatLimit(one["low_degC"], one["high_degC"], tuple(one["cite"])),
        )
        for delivery in document.get("heat", {}).get(option, ())
        for one in delivery["peaks"]
    )  # fmt: skip


def wordings_noun(document: Json) -> Wordings | None:
    """The words of the day of the plan; None where an older version wrote it."""
    words = document["wordings"]
    return None if words is None else TypeAdapter(Wordings).validate_python(words)


def _read_step(document: Json, option: str) -> Step:
    kind = _ACTS.get(document.get("act", ""))
    given = {key: value for key, value in document.items() if key not in _OF_STEP}
    parts = {key for one in given.get("segments", ()) for key in one}
    if kind is None or not (set(given) <= _names(kind) and parts <= _names(Segment)):
        raise BadInput(
            f"option {option}, step {document.get('order')}: '{document.get('act')}' with "
            f"{', '.join(given)} is no act of this version: plan the case again"
        )
    act: Act = TypeAdapter(kind).validate_python(given)
    return Step(document["order"], act, document["session"], document["why"])


def _names(kind: type[Any]) -> set[str]:
    return {field.name for field in fields(kind)}


def estimate_noun(document: Json) -> Estimate:
    """The estimate that a checked ``plan.json`` holds, without its draws."""
    renamed = {**document, "target": document["for"], "because": tuple(document["because"])}
    del renamed["for"]
    study = document.get("study")
    return Estimate(**{**renamed, "study": study and Study(**study)})
