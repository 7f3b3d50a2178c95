"""What a patient answered: read as it was said, refused in one line where it cannot be meant."""

from __future__ import annotations

import datetime
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from osteoplan.errors import BadInput
from osteoplan.io.answers_file import answers_document, parse_answers, read_preferences
from osteoplan.knowledge.load import data_root
from osteoplan.knowledge.preference import attributes, languages, preference_words
from osteoplan.model.preference import SURE_ITEMS, Sure

SWING: dict[str, Any] = {
    "kind": "swing",
    "by": "patient",
    "date": "2026-12-01",
    "language": "en",
    "ranges": {"less_pain": {"worst": 36, "best": 60}, "nerve_harm": {"worst": 5, "best": 0.4}},
    "points": {"less_pain": 100, "nerve_harm": 60},
    "sure": {"before": {"sure": False, "informed": True, "weighed": "unsure"}},
    "questions": ["Can I drive?"],
    "own_words": "Rays take longer",
}
STRAY = {"shown": ["less_pain", "no_pain"], "best": "less_pain", "worst": "nerve_harm"}
RANGES = {**SWING["ranges"], "no_pain": {"worst": 1, "best": 2}}
SET = {"shown": ["less_pain", "nerve_harm"], "best": "less_pain", "worst": "nerve_harm"}


def test_answers_are_written_as_they_are_read() -> None:
    best_worst = {**SWING, "kind": "best_worst", "points": {}, "sets": [SET], "choice": "radiotherapy"}
    for given in (SWING, best_worst, {**SWING, "kind": "you_decide", "points": {}}):
        (answers,) = parse_answers(given, "a.yaml")
        assert parse_answers(answers_document(answers), "again") == (answers,)


def test_capitals_and_an_open_choice_are_understood() -> None:
    for choice in ("later", "talk"):
        (found,) = parse_answers({**SWING, "kind": "Swing", "by": "Patient", "choice": choice}, "a.yaml")
        assert (found.kind, found.by, found.choice) == ("swing", "patient", choice)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"by": "clinician"}, "by: 'clinician': only the patient says what matters to him"),
        ({"language": "dee"}, "unknown language 'dee' in a.yaml: language; did you mean 'de'"),
        ({"points": {"less_pian": 3}}, "unknown attribute 'less_pian' in a.yaml; did you mean 'less_pain'?"),
        ({"points": {"less_pain": -3}}, "points.less_pain: input should be greater than or equal to 0"),
        ({"points": {"less_pain": float("nan")}}, "points.less_pain: input should be"),
        ({"ranges": {"less_pain": {"worst": 36, "best": 36}}}, "a range from 36 to 36 does not swing"),
        ({"ranges": {"less_pain": {"worst": 60, "best": 36}}}, "but 36 is called better than 60"),
        ({"ranges": {"nerve_harm": {"worst": 1, "best": 2}}}, "less is better, but 2 is called"),
        ({"points": {"no_pain": 5}}, "no_pain was answered without a range"),
        ({"kind": "best_worst"}, "'points' belongs to kind: swing"),
        ({"kind": "best_worst", "points": {}}, "'sets' belongs to kind: best_worst, and that kind has them"),
        ({"kind": "best_worst", "points": {}, "sets": [STRAY], "ranges": RANGES}, "is none of the shown"),
        ({"date": "01.12.2026"}, "date: value error, write the day as YYYY-MM-DD"),
        ({"ranges": {"less_pain": {"worst": "54,3", "best": 60}}}, "write a decimal point: 54.3"),
        ({"sure": {"before": {"informed": "ja"}}}, "write yes, no or unsure"),
        ({"choice": "latre"}, "unknown technique 'latre'"),
        ({"date": "soon"}, "date: value error, write the day as YYYY-MM-DD"),
        ({"pionts": {}}, "unknown key 'pionts' in a.yaml; did you mean 'points'?"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused_in_one_line(change: dict[str, Any], said: str) -> None:
    with pytest.raises(BadInput) as why:
        parse_answers({**SWING, **change}, "a.yaml")
    assert said in str(why.value)
    assert "\n" not in str(why.value)


def test_a_case_keeps_earlier_answers_and_the_last_date_counts(tmp_path: Path) -> None:
    earlier = {**SWING, "date": "2025-01-02"}
    text = yaml.safe_dump({"answers": [SWING, earlier]})
    (tmp_path / "answers.yaml").write_text(text, encoding="utf-8")
    for given in ("answers.yaml", [SWING, earlier]):
        assert [one.date.year for one in read_preferences(tmp_path, given, "one")] == [2025, 2026]
    assert read_preferences(tmp_path, {}, "one") == ()


def test_sure_counts_yes_alone_and_says_where_an_open_question_decides() -> None:
    yes = dict.fromkeys(SURE_ITEMS, True)
    assert Sure(**yes).conflict is False
    assert Sure(**{**yes, "weighed": None}).score == (3, 4)
    assert Sure(**{**yes, "weighed": None}).conflict is None
    assert Sure(sure=False).conflict is True
    (answers,) = parse_answers(SWING, "a.yaml")
    assert answers.sure_before == Sure(sure=False, informed=True, weighed=False)  # unsure is no yes


def test_every_language_has_every_word_and_numbers_read_as_it_writes_them() -> None:
    for code in languages():
        words = preference_words(code)
        assert all(words.sure.values())
        assert words.more.format(attribute="a", central=1, now=2) != words.less
    minutes, pain = attributes()["treatment_minutes"], attributes()["less_pain"]
    assert minutes.words["de"].says(2.5).endswith("2,5.")
    assert attributes()["awake_or_asleep"].words["en"].says(3.0).endswith("fully asleep.")
    assert "4 of 1000" in pain.words["en"].says(0.4)
    assert "36 of 100" in pain.words["en"].says(36.0)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("unit: min", "unit: d", "treatment_minutes: procedure_time_min is in min, less is better"),
        ("outcome: stay_days", "outcome: cement_volume_mL", "cement_volume_mL is in mL, neither is better"),
        ("outcome: stay_days", "outcome: stay_day", "did you mean 'stay_days'"),
        ("  de: {title", "  fr: {title", "words in every language and in no other"),
        ("Days in hospital: {n}.", "Days in hospital.", "a sentence holds its number as {n}"),
        ("Days in hospital: {n}.", "Days in hospital: {n} {x}.", "a sentence may hold {n} and {of}"),
    ],
)
def test_data_of_attributes_that_cannot_be_asked_are_refused(
    old: str, new: str, said: str, tmp_path: Path
) -> None:
    for name in ("preference", "outcomes"):
        shutil.copytree(str(data_root() / name), tmp_path / name)
    file = tmp_path / "preference" / "attributes.yaml"
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(BadInput, match=said):
        attributes(tmp_path)


def test_answers_of_a_day_to_come_are_refused():
    later = datetime.date.today() + datetime.timedelta(days=3)
    with pytest.raises(BadInput, match="is still to come"):
        parse_answers({"kind": "you_decide", "by": "patient", "date": later, "language": "en"}, "a.yaml")
