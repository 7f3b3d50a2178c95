"""The patient's page of a plan, from ``plan.json`` alone.

page = patient_page(read_plan(Path("plan/plan.json")), "en")
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from osteoplan.decide.candidates import candidates
from osteoplan.errors import BadInput
from osteoplan.io.plan_json import estimate_noun, option_noun
from osteoplan.knowledge.load import release
from osteoplan.knowledge.patient import patient_words
from osteoplan.knowledge.preference import attributes
from osteoplan.knowledge.refs import citations
from osteoplan.model.choice import Candidate
from osteoplan.model.evidence import Recommendation, Survival
from osteoplan.report.patient.nouns import ForPatient, Weighed
from osteoplan.report.patient.page import patient_pdf, render_patient

__all__ = ["page_name", "patient_page", "patient_paper", "plan_of", "why_no_page"]

Json = dict[str, Any]
STRENGTH = "strength_ratio_to_intact"
FIRM = "stronger_bone"  # the attribute of preferences that reads it


def plan_of(place: Path) -> Path:
    """The plan that is meant: a ``plan.json``, or the one of a case folder.

    Raises:
        BadInput: the case was not planned yet.
    """
    if not place.is_dir():
        return place
    found = next((one for one in (place / "plan" / "plan.json", place / "plan.json") if one.is_file()), None)
    if found is None:
        raise BadInput(f"{place}: no plan is there; 'osteoplan plan {place}' makes one")
    return found


def why_no_page(document: Json) -> str:
    """Why nobody is asked to weigh anything: an emergency goes first; empty where the page can be made."""
    stops = [v for v in document["verdicts"] if v["effect"] == "stop" and v["truth"]]
    if not stops:
        return ""
    return f"no patient's page: {stops[0]['rule']} comes before any choice: {stops[0]['text']}"


def patient_page(document: Json, language: str = "en") -> str:
    """The page as HTML, in a language.

    Raises:
        BadInput: a stop rule spoke; UnknownName: nobody wrote that language.
    """
    if why := why_no_page(document):
        raise BadInput(why)
    patient_words(language)  # refused before anything is read
    return render_patient(_asked(document, language), language)


def patient_paper(document: Json, language: str = "en") -> bytes:
    """The page as PDF, refused for the same reasons."""
    if why := why_no_page(document):
        raise BadInput(why)
    patient_words(language)
    return patient_pdf(_asked(document, language), language)


def page_name(language: str) -> str:
    """What the file is called beside its plan."""
    return "patient.html" if language == "en" else f"patient_{language}.html"


def _bears(preference: Json) -> dict[str, tuple[float, float, float]]:
    """Median and ends of the draws of the bone's strength; a plan's file holds no draws."""
    values, ends = preference.get("values", {}), preference.get("ends", {})
    return {
        id: (own[FIRM], *ends[id][FIRM])
        for id, own in values.items()
        if FIRM in own and FIRM in ends.get(id, {})
    }


def _asked(document: Json, language: str) -> ForPatient:
    facts = {one["name"]: one["value"] for one in document["findings"]}
    found = _candidates(document)
    known, used = release(), (document["knowledge"] or {}).get("release", "")
    return ForPatient(
        case=document["case"],
        bone=document["bone"],
        left=tuple(one for one in found if one.left),
        beside=tuple(
            one.id for one in found if one.beside and not one.shut and one.recommendation.tier in (1, 2, 3)
        ),
        now=next((estimate_noun(one) for one in document["now"] if one["id"] == STRENGTH), None),
        bears=_bears(document.get("preference") or {}),
        weighed=_weighed(document, language),
        survival=TypeAdapter(Survival).validate_python(document["survival"] or {}),
        citations=citations(),
        named=bool(facts.get("histology_confirmed")) or facts.get("lesion_kind") == "metastasis",
        level_open=document["bone"].startswith("vertebra_") and not document["level_confirmed"],
        made_up=document["simulated"] or any("phantom" in said for said in document["warnings"]),
        facts_open=bool(document["questions"]),
        program=f"osteoplan {document['stamp']['program']}",
        date=document["stamp"]["created"],
        release=used or known.version,
        facts_date=known.date.isoformat() if used == known.version else document["stamp"]["created"],
    )


def _candidates(document: Json) -> tuple[Candidate, ...]:
    """Every technique, with what was published on it on the day of the plan."""
    said = TypeAdapter(tuple[Recommendation, ...]).validate_python(document["standings"])
    options = [option_noun(one) for one in document["options"]]
    published = {id: tuple(map(estimate_noun, told)) for id, told in document["published"].items()}
    return candidates(said, options, document["comparison"]["ranking"], published)


def _weighed(document: Json, language: str) -> tuple[Weighed, ...]:
    """What differs between the ways, as the plan's preferences found it; nothing where none were asked."""
    preference = document.get("preference") or {}
    found = []
    for id in preference.get("asked", ()):
        words, ends = attributes()[id].words[language], preference["ranges"][id]
        worst, best = ends["worst"], ends["best"]
        found.append(Weighed(id, words.name, words.says(worst), words.says(best), worst, best))
    return tuple(found)
