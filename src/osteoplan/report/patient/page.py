"""The patient's page: one HTML file that loads nothing, for paper, a tablet and a phone.

page = render_patient(asked, "en")
"""

from __future__ import annotations

from osteoplan.knowledge.patient import patient_words
from osteoplan.knowledge.preference import preference_words
from osteoplan.report.patient.nouns import ForPatient
from osteoplan.report.patient.view import Numbered, bone_words, options_told, sets_of, time_left
from osteoplan.report.rendering import filled, hash_of, source

__all__ = ["render_patient"]


def render_patient(asked: ForPatient, language: str = "en") -> str:
    """The page in a language; its script (allowed by its hash alone) saves the answers and sends nothing.

    Raises:
        UnknownName: nobody wrote that language.
    """
    words = patient_words(language)
    cite = Numbered(dict(asked.citations))
    told = options_told(asked, words, cite)
    time = time_left(asked, words, cite)
    script = source("patient.js")
    return filled(
        "patient.html.j2",
        asked=asked, words=words, page=words.page, bone=bone_words(asked.bone, words), ways=told, time=time,
        only_care=all(way.waiting for way in told), sure=preference_words(language).sure,
        sets=sets_of([one.id for one in asked.weighed]), sources=cite.sources, script=script,
        script_hash=hash_of(script),
        gaps=[title for title in (told[0].gaps if told else ()) if all(title in way.gaps for way in told)],
        rare=any(f.icons and f.icons.of == 1000 for way in told for s in way.sections for f in s.figures),
    )  # fmt: skip
