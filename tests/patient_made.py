"""A plan with invented numbers as the patient's page reads it: four ways that differ in what is known."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from osteoplan.io.plan_json import Json, plan_document
from osteoplan.knowledge.preference import attributes
from osteoplan.model.evidence import Recommendation, SurvivalRow
from osteoplan.model.preference import PreferenceResult, Swing
from osteoplan.workflow.patient import patient_page
from tests.report_fixture import changed, plan_result

RANGES = {
    "less_pain": Swing(36.0, 67.0),
    "no_pain": Swing(14.0, 26.0),
    "serious_harm": Swing(12.0, 2.0),
    "hospital_days": Swing(3.0, 1.0),
}


@cache
def plan_for_patient() -> Json:
    """The document; a test copies what it changes."""
    said = (
        _said("vertebroplasty", "plan", "cement", 1),
        _said("ablation_with_stabilisation", "plan", "combination", 2),
        _said("radiotherapy", "comparator", "radiotherapy", 2),
        _said("best_supportive_care", "comparator", "support", None),
        _said("rfa", "plan", "ablation", 4),
        _said("bone_modifying_agents", "comparator", "bone drugs", 2),
    )
    result = plan_result()
    years = SurvivalRow("a model", "alive", "published", 12.0, 40.0, 55.0, ("Fisher2010",))
    survival = replace(result.explanation.survival, rows=(years,))
    document = plan_document(changed(result, recommendations=said, survival=survival), case_folder=".")
    return {**document, "preference": _preference()}


def page(language: str = "en", **changes: object) -> str:
    """The page of that plan, with keys of the document set anew."""
    return patient_page({**plan_for_patient(), **changes}, language)


def _said(id: str, kind: str, family: str, tier: int | None) -> Recommendation:
    status = "excluded_by_rule" if tier == 4 else "ranked" if kind == "plan" else "comparator"
    return Recommendation(id, id, kind, family, status, tier)  # type: ignore[arg-type]


def _preference() -> Json:
    from pydantic import TypeAdapter

    known = {id: attributes()[id] for id in RANGES}
    asked = tuple(RANGES)
    result = PreferenceResult(
        None, asked, known, RANGES, {}, (), (), {}, False, (), (), (), 1.0, (), 1, 1
    )  # fmt: skip
    found: Json = TypeAdapter(PreferenceResult).dump_python(result, mode="json")
    return found
