"""The patient's page: one HTML file that loads nothing, for paper, a tablet and a phone; and the same as PDF.

page = render_patient(asked, "en")
pdf = patient_pdf(asked, "en")
"""

from __future__ import annotations

from typing import Any

from osteoplan.knowledge.patient import patient_words
from osteoplan.knowledge.preference import preference_words
from osteoplan.report.patient.nouns import ForPatient
from osteoplan.report.patient.view import Numbered, bone_words, options_told, sets_of, time_left
from osteoplan.report.rendering import filled, hash_of, source, typeset

__all__ = ["patient_pdf", "render_patient"]


_STATES = ("named", "level_open", "made_up", "facts_open")


def render_patient(asked: ForPatient, language: str = "en") -> str:
    """The page in a language; its script (allowed by its hash alone) saves the answers and sends nothing.

    Raises:
        UnknownName: nobody wrote that language.
    """
    script = source("patient.js")
    return filled("patient.html.j2", **_says(asked, language), script=script, script_hash=hash_of(script))


def patient_pdf(asked: ForPatient, language: str = "en") -> bytes:
    """The same for paper, without what the screen keeps closed until it is opened: the time that is left."""
    said = _says(asked, language)
    names = ("page", "bone", "beside", "ways", "only_care", "sure", "sources", "gaps", "rare")
    own = ("case", "program", "date", "release", "facts_date", "weighed", *_STATES)
    content = {name: said[name] for name in names} | {name: getattr(asked, name) for name in own}
    return typeset("patient.typ", {**content, "language": language}, date=asked.date)


def _says(asked: ForPatient, language: str) -> dict[str, Any]:
    """Everything that the page says, by the names of its template."""
    words = patient_words(language)
    cite = Numbered(dict(asked.citations))
    told = options_told(asked, words, cite)
    time = time_left(asked, words, cite)
    return {
        "asked": asked, "words": words, "page": words.page, "bone": bone_words(asked.bone, words),
        "beside": [words.techniques[id] for id in asked.beside if id in words.techniques],
        "ways": told, "time": time, "only_care": all(way.waiting for way in told),
        "sure": preference_words(language).sure,
        "sets": sets_of([one.id for one in asked.weighed]), "sources": cite.sources,
        "gaps": [title for title in (told[0].gaps if told else ()) if all(title in way.gaps for way in told)],
        "rare": any(f.icons and f.icons.of == 1000 for way in told for s in way.sections for f in s.figures),
    }  # fmt: skip
