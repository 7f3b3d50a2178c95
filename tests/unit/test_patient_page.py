"""The patient's page: what it tells and never tells, how it stands in a browser, what it saves."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from osteoplan.cli.app import run
from osteoplan.errors import BadInput
from osteoplan.io.answers_file import read_answers
from osteoplan.io.plan_json import write_plan
from osteoplan.knowledge.patient import patient_words, topics
from osteoplan.knowledge.scores import score_tables
from osteoplan.model.outcome import Estimate, Study
from osteoplan.model.preference import BestWorst
from osteoplan.report.drawing.icon_array import people
from osteoplan.report.patient.figures import figure, told_by
from osteoplan.report.patient.view import _middle, bone_words, sets_of
from osteoplan.workflow.plan import write
from tests.conftest import skip_or_fail
from tests.patient_made import RANGES, page, plan_for_patient
from tests.report_fixture import changed, plan_result

EN = patient_words("en")
TOPICS = {topic.id: topic for topic in topics()}
_QUIET = "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"


def share(
    value: float, low: float | None = None, high: float | None = None, n: int | None = None
) -> Estimate:
    return Estimate(
        "nerve_injury_probability", "any", value, low, high, "%", "published", ("WJSO2022",), study=Study(n)
    )  # fmt: skip


def said(*found: Estimate, topic: str = "nerve") -> str:
    return " ".join(figure(TOPICS[topic], found, EN, lambda keys: (1,)).sentences)


def test_none_of_a_few_is_never_told_as_none_at_all() -> None:
    told = figure(TOPICS["nerve"], (share(0.0, 0.0, 13.7, 25),), EN, lambda keys: (1,))
    assert told.sentences[0] == "None of 25. It could still be up to 14 of 100."
    assert told.icons is not None
    assert (told.icons.certain, told.icons.likely) == (0, 14)
    assert "can still happen" in said(share(0.0))


def test_a_share_has_its_interval_its_group_and_a_thousand_people_where_it_is_rare() -> None:
    assert said(share(16.0, 12.0, 25.0, 113)) == (
        "About 16 of 100 people. It may be as few as 12 or as many as 25. Seen in 113 other people."
    )
    assert said(share(0.5, 0.2, 1.2, 987)).startswith(
        "About 5 of 1000 people. It may be as few as 2 or as many as 12."
    )
    assert "Nobody said how sure" in said(share(16.0))


def test_studies_that_differ_are_each_told_with_their_own_number_of_people() -> None:
    three = [replace(share(x, n=n), because=(f"S{n}",)) for x, n in ((36.0, 40), (60.5, 50), (67.0, 60))]
    assert said(*three) == (
        "Studies differ. 36 of 100, seen in 40 people. 61 of 100, seen in 50 people. "
        "67 of 100, seen in 60 people."
    )
    untold = replace(share(26.0), because=("S0",))
    with_ends = replace(three[0], value=14.0, low=8.0, high=22.0, study=Study(115))
    told = figure(TOPICS["nerve"], (with_ends, untold), EN, lambda keys: (1,))
    assert told.sentences[1:] == (
        "14 of 100 (it may be 8 to 22), seen in 115 people.",
        "26 of 100. How many were looked at is not told.",
    )
    assert told.icons is not None
    assert (told.icons.certain, told.icons.likely) == (14, 26)  # no limit of the one beside the other
    none = replace(three[0], value=0.0, low=0.0, high=9.0)
    assert "0 of 100 (it may be 0 to 9), seen in 40 people." in said(none, three[1])


def test_the_bone_is_told_by_the_median_of_its_draws_not_by_the_best_case() -> None:
    drawn = np.linspace(50.0, 100.0, 101)
    made = _middle(
        Estimate("strength_ratio_to_intact", "a", 98.0, 50.0, 120.0, "%", "simulated", draws=drawn)
    )
    assert (made.value, made.low, made.high) == (75.0, 52.5, 97.5)


def test_the_same_people_at_another_time_are_counted_once_and_are_no_other_study() -> None:
    early, late = share(27.0, n=55), replace(share(14.0, n=50), study=Study(50, months=3.0))
    assert said(early, late) == "From 14 to 27 of 100 people, at different times. Seen in 55 other people."


def test_a_share_of_treated_bones_is_not_told_as_one_of_people() -> None:
    leaks = replace(share(57.0, 47.0, 66.0), study=Study(113, "vertebrae", months=1.0))
    assert said(leaks).startswith("About 57 of 100 treated places.")
    assert said(leaks).endswith(
        "Counted in 113 treated places of other people. This was about one month later."
    )


def test_what_is_told_the_other_way_round_turns_its_interval_too() -> None:
    failed = replace(share(13.0, 8.0, 20.0), id="local_failure_probability")
    (held,) = told_by(TOPICS["tumour_held"], (failed,))
    assert (held.value, held.low, held.high) == (87.0, 80.0, 92.0)


def test_a_figure_of_another_population_tells_nothing_here() -> None:
    other = replace(share(3.0), study=Study(40, population="osteoporotic fractures"))
    here = share(5.0)
    assert told_by(TOPICS["nerve"], (other, here)) == (here,)


def test_pain_that_falls_is_told_as_how_far_it_falls_with_the_sign_of_the_language() -> None:
    fell = Estimate("pain_change_nrs", "pain", -2.69, None, None, "1", "published", (), study=Study(55))
    assert "this number fell by about 2.7." in said(fell, topic="pain_points")
    german = figure(TOPICS["pain_points"], (fell,), patient_words("de"), lambda keys: ())
    assert "um etwa 2,7." in german.sentences[0]


def test_one_day_is_no_days() -> None:
    stay = Estimate("stay_days", "stay", 1.0, None, None, "d", "published", ())
    assert said(stay, topic="days").startswith("About one day in hospital.")
    assert said(replace(stay, value=2.0), topic="days").startswith("About 2 days in hospital.")


def test_icons_hold_all_people_once() -> None:
    for array in (
        people(0.0, 13.7, 100),
        people(12.4, 25.0, 100),
        people(0.2, 1.2, 1000),
        people(97.0, 100.0, 100),
    ):
        cells = sum(box[2] * box[3] // 100 for _, box in array.boxes)
        assert cells == array.of
        assert (
            sum(box[2] // 10 for name, box in array.boxes if name == "likely") == array.likely - array.certain
        )


def test_bones_are_called_by_their_everyday_names() -> None:
    assert bone_words("vertebra_T12", EN) == "a bone of your spine, in the chest part (T12)"
    assert bone_words("rib_left_7", EN) == "one of your ribs, left side"
    assert bone_words("femur_right", EN) == "your thigh bone, right side"
    assert bone_words("sacrum", EN) == "the bone at the low end of your spine"


def test_every_two_of_seven_meet_once_and_fewer_meet_at_least_once() -> None:
    for n in range(2, 9):
        ids = tuple("abcdefgh"[:n])
        met = [frozenset((a, b)) for few in sets_of(ids) for a in few for b in few if a < b]
        assert n > 7 or len(set(met)) == n * (n - 1) // 2
        assert n != 7 or len(met) == len(set(met))
    assert sets_of(("a",)) == ()


@pytest.mark.parametrize("language", ["en", "de"])
def test_neither_money_nor_a_score_nor_a_preset_weight_stands_on_the_page(language: str) -> None:
    html = page(language)
    shown = re.sub(r"(?s)<(style|script)\b.*?</\1>|<div id=\"sources\".*?</div>|<[^>]+>", " ", html)
    assert not re.search(r"[€$£]|\b(EUR|USD|QALY|cost|Kosten)\b", shown)
    for score in score_tables().values():
        assert not re.search(rf"\b{re.escape(score.name)}\b", shown), score.name
    assert " checked" not in html.replace("checked against", "").replace("checked these", "")
    assert html.count('class="unset"') == len(RANGES)


def test_an_excluded_way_is_no_choice_and_every_other_is() -> None:
    html = page()
    assert "way-rfa" not in html
    assert "Drugs that protect the bones" in html.split('id="beside"')[1].split("</div>")[0]
    assert "way-bone_modifying_agents" not in html
    assert re.findall(r'name="choice" value="(\w+)"', html) == re.findall(
        r'<section class="way" id="way-(\w+)"', html
    )


def test_where_only_care_is_left_it_is_said_kindly_and_nothing_is_asked() -> None:
    care = [one for one in plan_for_patient()["standings"] if one["family"] == "support"]
    html = page(standings=care)
    assert "You are not left alone" in html
    assert "<form" not in html
    assert "more than one way" not in html


def test_an_emergency_has_no_page_and_says_why_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document = plan_for_patient()
    verdicts = [{**one, "truth": True} if one["effect"] == "stop" else one for one in document["verdicts"]]
    with pytest.raises(BadInput, match="S3 comes before any choice"):
        page(verdicts=verdicts)
    write_plan({**document, "verdicts": verdicts}, tmp_path / "plan.json")
    assert run(["patient", str(tmp_path / "plan.json")]) == 3
    assert "treat infection first" in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "patient.html").exists()


def test_a_plan_has_its_page_beside_it_and_after_a_stop_none_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("draw", "html", "paper"):  # the report has its own tests
        monkeypatch.setattr(f"osteoplan.workflow.plan.{name}", lambda *_: "")
    result = plan_result()
    write(result, tmp_path / "case", out=tmp_path)
    assert '<section id="options">' in (tmp_path / "patient.html").read_text(encoding="utf-8")
    verdicts = tuple(replace(v, truth=v.truth or v.effect == "stop") for v in result.explanation.verdicts)
    write(changed(result, verdicts=verdicts), tmp_path / "case", out=tmp_path)
    assert not (tmp_path / "patient.html").exists()


def test_the_command_writes_a_page_once_and_never_over_another(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_plan(plan_for_patient(), tmp_path / "plan.json")
    assert run(["patient", str(tmp_path)]) == 0
    assert run(["patient", str(tmp_path), "--json"]) == 0
    assert '"why_not": ""' in capsys.readouterr().out
    assert (tmp_path / "patient.html").read_text(encoding="utf-8") == page()
    (tmp_path / "patient.html").write_text("mine", encoding="utf-8")
    assert run(["patient", str(tmp_path)]) == 2
    assert run(["patient", str(tmp_path), "--language", "fr"]) == 2


def test_time_that_is_left_is_folded_away_and_absent_where_nobody_said_anything() -> None:
    assert re.search(r'<details id="time"><summary>', page())
    assert "about 40 to 55 are still alive after 12 months" in page()
    assert "<details" not in page(survival={"rows": [], "disagreements": []})


def test_what_a_user_typed_is_text() -> None:
    assert "<script>alert" not in page(case='<script>alert("x")</script>')


# ------------------------------------------------------------------ in a browser

_ANSWER = """
const by = selector => document.querySelector(selector);
const all = selector => [...document.querySelectorAll(selector)];
const pick = (name, value) => by(`input[name="${name}"][value="${value}"]`).click();
const unset = all('.weighed output').map(one => one.textContent);
let saved = null;
URL.createObjectURL = blob => { saved = blob; return '#'; };
const box = one => one.getBoundingClientRect(), told = one => one.outerHTML.slice(0, 80);
const low = one => box(one).height && box(one).height < 43.5;
const small = all('button, label, summary, input[type=range], .ways a').filter(low).map(told);
const wide = all('body *').filter(one => box(one).right > innerWidth + 1).map(told);
by('#save').click();
const refused = by('#told').textContent;
DO
by('#save').click();
const show = text => { const pre = document.createElement('pre'); pre.id = 'answer';
  pre.textContent = JSON.stringify({unset, refused, small, wide, told: by('#told').textContent, text});
  document.body.append(pre); };
if (saved) saved.text().then(show); else show('');
"""
_SWING = """
pick('by', 'patient_with_helper'); pick('kind', 'swing'); pick('most', 'less_pain');
const range = by('.weighed[data-id=serious_harm] input[type=range]');
range.value = 40; range.dispatchEvent(new Event('input'));
by('.weighed[data-id=hospital_days] input[type=range]').dispatchEvent(new Event('pointerdown'));
for (const item of ['sure', 'informed', 'weighed', 'supported']) {
  pick('before-' + item, 'no'); pick('after-' + item, 'yes'); }
by('textarea[name=own_words]').value = 'Rays: slow.';
by('textarea[name=questions]').value = 'Can I drive?\\n\\nWhen?'; pick('choice', 'radiotherapy');
"""
_BEST_WORST = """
pick('kind', 'best_worst'); pick('best-0', 'less_pain'); pick('worst-0', 'hospital_days');
"""


def test_answers_saved_in_the_browser_are_read_back_as_they_were_given(tmp_path: Path) -> None:
    told = _answered(_SWING, tmp_path)
    assert set(told["unset"]) == {"not set yet"}
    assert "tell us how" in told["refused"]
    assert "answers-fixture.yaml" in told["told"]
    (tmp_path / "answers.yaml").write_text(str(told["text"]), encoding="utf-8")
    (answers,) = read_answers(tmp_path / "answers.yaml")
    assert (answers.kind, answers.by, answers.language) == ("swing", "patient_with_helper", "en")
    assert answers.points == {
        "less_pain": 100.0,
        "serious_harm": 40.0,
        "hospital_days": 0.0,
    }  # no_pain was left unset
    assert answers.ranges == {id: RANGES[id] for id in answers.points}
    assert answers.sure_before is not None
    assert answers.sure_after is not None
    assert (answers.sure_before.conflict, answers.sure_after.conflict) == (True, False)
    assert answers.own_words == "Rays: slow."
    assert (answers.choice, answers.questions) == ("radiotherapy", ("Can I drive?", "When?"))


def test_best_and_worst_are_saved_as_the_sets_that_were_answered(tmp_path: Path) -> None:
    told = _answered(_BEST_WORST, tmp_path, width=820)
    (tmp_path / "answers.yaml").write_text(str(told["text"]), encoding="utf-8")
    (answers,) = read_answers(tmp_path / "answers.yaml")
    assert answers.sets == (
        BestWorst(("less_pain", "no_pain", "hospital_days"), "less_pain", "hospital_days"),
    )
    assert set(answers.ranges) == {"less_pain", "no_pain", "hospital_days"}


def _answered(do: str, folder: Path, width: int = 500) -> dict[str, object]:
    """What the page made of answers; on the way nothing is wider than the screen or smaller than a finger."""
    bare = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page())
    source = folder / "page.html"
    source.write_text(
        bare.replace("</body>", f"<script>{_ANSWER.replace('DO', do)}</script></body>"), encoding="utf-8"
    )
    seen = _chromium(
        folder, f"--window-size={width},900", "--virtual-time-budget=2000", "--dump-dom", f"file://{source}"
    )
    (answer,) = re.findall(r'(?s)<pre id="answer">(.*?)</pre>', seen)
    found: dict[str, object] = json.loads(
        answer.replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">")
    )
    assert found["small"] == []
    assert found["wide"] == []
    return found


def test_paper_has_boxes_to_tick_letters_of_14_points_and_nothing_cut_off(tmp_path: Path) -> None:
    from pypdf import PdfReader

    source, paper = tmp_path / "page.html", tmp_path / "page.pdf"
    source.write_text(page(), encoding="utf-8")
    _chromium(tmp_path, "--no-pdf-header-footer", f"--print-to-pdf={paper}", f"file://{source}")
    sheets = PdfReader(paper).pages
    text = " ".join(" ".join(sheet.extract_text() for sheet in sheets).split())
    assert "100" in text
    assert "My name:" in text
    assert "Save my answers" not in text
    assert "I pick what matters" not in text  # paper asks for points alone
    assert "are still alive" not in text  # folded away on paper too
    assert all(abs(float(sheet.mediabox.width) - 595.0) < 1.0 for sheet in sheets)
    sizes: list[float] = []  # of all lines before the sources, which are smaller

    def note(words: str, outer: list[float], inner: list[float], font: object, size: float) -> None:
        if "The small numbers" in words:
            sizes.append(-1.0)
        elif len(words.strip()) > 20 and -1.0 not in sizes:
            sizes.append(abs(size * inner[3] * outer[3]))

    for sheet in sheets:
        sheet.extract_text(visitor_text=note)
    assert sizes.pop() == -1.0
    assert min(sizes) >= 13.9  # no line was shrunk to hold a wide one


def _chromium(folder: Path, *arguments: str) -> str:
    chromium = shutil.which("chromium")
    if chromium is None:
        skip_or_fail("browser", "no chromium is here to open the page")
    command = [
        str(chromium),
        "--headless",
        *_QUIET.split(),
        f"--user-data-dir={folder / 'profile'}",
        *arguments,
    ]
    made = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert made.returncode == 0, made.stderr
    return made.stdout


def test_the_bone_is_told_as_the_preferences_weigh_it() -> None:
    document = plan_for_patient()
    preference = document["preference"] or {}
    own = {"ablation_with_stabilisation": 61.0, "vertebroplasty": 61.0, "kyphoplasty": 61.0}
    values = {id: {"stronger_bone": value} for id, value in own.items()}
    ends = {id: {"stronger_bone": [55.0, 70.0]} for id in own}
    told = page(preference={"asked": [], **preference, "values": values, "ends": ends})
    assert "it may bear about 61 (from 55 to 70)" in told


def test_the_bone_bears_the_median_between_the_ends_of_its_own_draws() -> None:
    from osteoplan.workflow.patient import _bears

    told = {
        "values": {"a": {"stronger_bone": 78.0}, "b": {"less_pain": 60.0}, "c": {"stronger_bone": 54.0}},
        "ends": {"a": {"stronger_bone": [67.0, 101.0]}},
    }
    assert _bears(told) == {"a": (78.0, 67.0, 101.0)}
    assert _bears({}) == {}
