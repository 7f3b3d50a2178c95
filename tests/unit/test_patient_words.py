"""Words of the patient's page: complete in every language, and easy to read."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
import textstat

from osteoplan.errors import BadInput
from osteoplan.knowledge.evidence import evidence
from osteoplan.knowledge.load import data_root, documents
from osteoplan.knowledge.patient import PatientWords, patient_words, silent, topics
from osteoplan.knowledge.preference import languages
from osteoplan.knowledge.techniques import technique_cards
from tests.patient_made import page

LANGUAGES = tuple(documents("patient/words", PatientWords))
SCHOOL_YEARS = 6.0  # the sixth year at school ends at an age of about 12


def test_every_language_of_the_questions_has_a_page_and_every_technique_plain_words() -> None:
    assert set(LANGUAGES) == set(languages())
    for language in LANGUAGES:
        assert set(patient_words(language).techniques) == set(technique_cards())
        assert set(patient_words(language).topics) == {topic.id for topic in topics()}


def test_every_sentence_has_the_same_placeholders_in_every_language() -> None:
    english = patient_words("en")
    for language in LANGUAGES:
        words = patient_words(language)
        for part in ("page", "bones"):
            for key, text in getattr(words, part).items():
                assert _holes(text) == _holes(getattr(english, part)[key]), (language, key)


def test_no_word_of_the_page_is_called_like_something_that_every_mapping_has() -> None:
    """A template would find that first and print it."""
    assert not [key for key in patient_words("en").page if hasattr({}, key)]


def test_a_language_that_lacks_a_word_is_refused(tmp_path: Path) -> None:
    shutil.copytree(str(data_root() / "patient"), tmp_path / "patient")
    file = tmp_path / "patient" / "words" / "de.yaml"
    file.write_text(re.sub(r"(?m)^  funding:.*\n", "", file.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(BadInput, match="page: funding"):
        patient_words("de", tmp_path)


def test_every_published_outcome_is_told_or_left_out_for_a_reason() -> None:
    told = {id for topic in topics() for id in (*topic.of, *topic.complement)}
    published = {row.id for file in evidence().values() for row in file.outcomes}
    assert published <= told | set(silent())
    assert not told & set(silent())


def test_the_page_is_read_by_a_child_of_twelve() -> None:
    """Its own text as a reader meets it; the list of sources is made for doctors."""
    textstat.set_lang("en")
    english = textstat.flesch_kincaid_grade(_prose(page("en")))
    textstat.set_lang("de")
    german = textstat.wiener_sachtextformel(_prose(page("de")), 1)
    assert english < SCHOOL_YEARS
    assert german < SCHOOL_YEARS


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_treatment_is_told_in_short_sentences(language: str) -> None:
    for id, plain in patient_words(language).techniques.items():
        for sentence in re.split(r"(?<=[.?!])\s", f"{plain.what} {plain.good} {plain.bad}"):
            assert len(sentence.split()) <= 20, (id, sentence)


def _holes(text: str) -> set[str]:
    return set(re.findall(r"{(\w+)}", text))


def _prose(html: str) -> str:
    """The page's whole sentences; headings, labels and lists are none and would make it look easier."""
    html = re.sub(r"(?s)<(style|script|svg|sup)\b.*?</\1>", "", html)
    html = re.sub(r'(?s)<div id="sources".*?</div>', "", html)
    lines = re.sub(
        r"</?(p|h\d|li|legend|label|span|div|button|summary|fieldset)\b[^>]*>", "\n", html
    ).splitlines()
    lines = [re.sub(r"<[^>]+>", "", line).strip() for line in lines]
    return " ".join(line for line in lines if line.endswith((".", "?", "!")))
