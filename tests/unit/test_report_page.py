"""The page: nothing is left out, nothing is loaded, nothing typed is executed, nothing unsure looks sure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from osteoplan.model.case import Fact, Patient
from osteoplan.model.evidence import Citation
from osteoplan.model.outcome import Estimate, Study
from osteoplan.model.plan import (
    Act,
    Deliver,
    Expand,
    Inject,
    Measure,
    Place,
    Remove,
    Sample,
    Segment,
    Step,
    Wait,
)
from osteoplan.model.result import PlanResult
from osteoplan.report.drawing.pictures import Scenery, stamps_of
from osteoplan.report.plan.appendix import act_words
from osteoplan.report.plan.drawings import draw, strain_page
from osteoplan.report.plan.meeting import best_option, first_page
from osteoplan.report.plan.nouns import Drawings, Linked
from osteoplan.report.plan.page import html, render
from osteoplan.workflow.wordings import wordings
from tests.report_fixture import NASTY, busy, changed, plan_result, uncalibrated


class Seen(HTMLParser):
    """Tags with their attributes, and the text that a reader sees."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.words: list[str] = []
        self._hidden = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        self._hidden = tag == "style"

    def handle_endtag(self, tag: str) -> None:
        self._hidden = False

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@pytest.fixture(scope="module")
def result() -> PlanResult:
    return plan_result()


@pytest.fixture(scope="module")
def drawings(result: PlanResult) -> Drawings:
    return draw(result)


@pytest.fixture(scope="module")
def page(result: PlanResult, drawings: Drawings) -> str:
    return html(result, drawings)


def test_every_option_stands_behind_the_page_with_its_steps_and_reasons(
    result: PlanResult, page: str
) -> None:
    text = Seen(page).text
    for option in result.simulations.options:
        assert option.plan.title in text
        assert all(reason.text in text for reason in option.reasons)
        assert all(act_words(step.act) in text for step in option.plan.steps)


def test_a_technique_is_one_row_and_its_ways_stand_beneath_it(result: PlanResult, drawings: Drawings) -> None:
    first = first_page(result)
    assert [row.title for row in first.rows] == [
        "vertebroplasty", "cryoablation", "best supportive and systemic care",
    ]  # fmt: skip
    assert first.rows[0].ways == "both pedicles; also left pedicle"
    assert first.rows[0].bone == (Linked("92 (82–100)", "load-compression"),)
    assert first.now == (Linked("64 (57–70)", "load-compression"),)
    assert first.rows[1].bone == ()
    assert [(one.title, one.reason) for one in first.not_here] == []


def test_tiers_order_the_rows_and_say_what_they_wait_for_and_what_was_presumed(
    result: PlanResult, drawings: Drawings
) -> None:
    said = {one.technique: one for one in result.explanation.recommendations}
    assert [row.tier for row in first_page(result).rows] == [
        "first choice", "not known", "beside the list",
    ]  # fmt: skip
    rows = {row.technique: row for row in first_page(result).rows}
    assert rows["vertebroplasty"].terms == "by L6; presumed: fit for surgery"
    assert rows["cryoablation"].terms.startswith("waits for: epidural compression (Bilsky grade)")
    turned = (
        replace(said["vertebroplasty"], tier=2, open=("alignment",)),
        replace(said["cryoablation"], tier=1, open=()),
        replace(said["best_supportive_care"], tier=2),
    )
    first = first_page(changed(result, recommendations=turned))
    assert [(row.title, row.tier) for row in first.rows] == [
        ("cryoablation", "first choice"), ("best supportive and systemic care", "reasonable"),
        ("vertebroplasty", "reasonable"),
    ]  # fmt: skip
    assert first.rows[2].terms.startswith("by L6; if: alignment of the spine")


def test_of_one_tier_those_that_were_simulated_stand_as_the_comparison_orders_them(
    result: PlanResult, drawings: Drawings
) -> None:
    full = replace(busy(result), choice=None)
    names = [row.title for row in first_page(full).rows[:2]]
    ranking = full.comparison.ranking
    other = replace(full, comparison=replace(full.comparison, ranking=ranking[1::-1] + ranking[2:]))
    assert [row.title for row in first_page(other).rows[:2]] == names[::-1]


def test_seven_rows_at_most_and_the_rest_is_named_below(result: PlanResult, drawings: Drawings) -> None:
    first = first_page(busy(result))
    assert len(first.rows) + len(first.not_here) == 7
    assert [line.partition(":")[0] for line in first.beyond] == ["not known yet", "not here"]


def test_what_is_not_for_this_patient_stands_below_with_its_reason(
    result: PlanResult, drawings: Drawings
) -> None:
    ours, *others = result.explanation.recommendations
    excluded = changed(
        result, recommendations=(replace(ours, tier=4, because=("SP9: no cement here",)), *others)
    )
    shut = first_page(excluded).not_here
    assert [(one.title, one.reason) for one in shut] == [("vertebroplasty", "SP9: no cement here")]
    blocked = changed(
        result,
        options=tuple(o for o in result.simulations.options if o.status != "ranked"),
        comparison=replace(result.comparison, ranking=(), ties=(), differences=()),
    )
    assert first_page(blocked).not_here[0].reason == ("passes 1.1 mm from the spinal canal, 2 mm needed")
    nameless = tuple(replace(o, reasons=()) for o in blocked.simulations.options)
    assert first_page(changed(blocked, options=nameless)).not_here[0].reason == ("no reason was recorded")


def test_a_breach_above_a_tenth_speaks_against_and_a_smaller_one_is_a_risk(
    result: PlanResult, drawings: Drawings
) -> None:
    def told(share: float) -> tuple[str, list[str]]:
        best = result.simulations.options[0]
        breach = Estimate("breach_probability", "aorta, left path", share, None, None, "1", "simulated")
        plan = replace(best.plan, clearances=(*best.plan.clearances, breach))
        options = (replace(best, plan=plan), *result.simulations.options[1:])
        row = first_page(changed(result, options=options)).rows[0]
        return "; ".join(one.text for one in row.against), [one.text for one in row.risk]

    against, risk = told(0.44)
    assert against.startswith("breach in 44 %, mostly of the aorta")
    assert risk[0] == "spinal canal 3.4 mm"
    against, risk = told(0.07)
    assert "breach" not in against
    assert "breach 7.0 % (aorta)" in risk


def test_what_stops_is_the_first_flag_and_three_flags_are_told(
    result: PlanResult, drawings: Drawings
) -> None:
    assert [flag.text for flag in first_page(result).flags] == [
        "level T12 was not counted by a person",
        "lesion 1.2 mm from the canal on slices of 2.0 mm",
    ]
    stop = replace(
        result.explanation.verdicts[3], truth=True, first="treat the infection", text="nothing else"
    )
    stopped = changed(result, verdicts=(*result.explanation.verdicts[:3], stop))
    assert first_page(stopped).flags[0] == Linked("S3: treat the infection", "rule-S3")
    assert len(first_page(busy(result)).flags) == 3


def test_the_header_says_demo_phantom_or_real_and_who_counted(result: PlanResult, drawings: Drawings) -> None:
    head = first_page(result).header
    assert (head.place, head.level_note) == ("T12, midline", "level NOT confirmed")
    assert head.origin == "DEMO: SIMULATED LESION in a real scan"
    anatomy = result.reading.anatomy
    counted = replace(anatomy, lesion=replace(anatomy.lesion, level_confirmed=True, simulated=False))
    real = changed(result, anatomy=counted, case=replace(result.reading.case, patient=Patient(age_y=70)))
    head = first_page(real).header
    assert (head.level_note, head.origin) == ("level counted (by whom is not recorded)", "real case")
    phantom = changed(result, case=replace(result.reading.case, phantom=True))
    assert first_page(phantom).header.origin == "GENERATED PHANTOM"
    assert "uncalibrated: ratios only" in first_page(uncalibrated(result)).header.scan


def test_an_uncalibrated_scan_gets_no_newtons(result: PlanResult, drawings: Drawings) -> None:
    seen = Seen(html(uncalibrated(result), drawings))
    assert not re.search(r"\d N\b|\d N/mm", seen.text)
    assert "withheld: uncalibrated" in seen.text
    assert re.search(r"\d N\b", Seen(html(result, drawings)).text)


@pytest.mark.parametrize("site", ["spine", "sacrum", "pelvis", "femur", "humerus", "ribs"])
def test_the_facts_in_play_are_those_of_the_site_and_say_what_nobody_knows(
    result: PlanResult, drawings: Drawings, site: str
) -> None:
    first = first_page(replace(result, wordings=replace(result.wordings, site=site)))
    told = {line.label: line.text for line in first.facts}
    assert told["primary"] == "breast"
    assert told["INR"] == "?"
    assert ("cortex, around" in told) == (site in ("femur", "humerus", "ribs"))


def test_the_best_way_is_that_of_the_first_row_that_has_one(result: PlanResult) -> None:
    assert best_option(result) is result.simulations.options[0]
    shut = tuple(replace(one, tier=4) for one in result.explanation.recommendations)
    assert best_option(changed(result, recommendations=shut)) is None
    bare = draw(changed(result, recommendations=shut, fields={}))
    assert [one.picture.title.partition(",")[0] for one in bare.meeting] == ["axial", "sagittal", "coronal"]


def test_three_pictures_show_lesion_way_and_closest_point_with_the_bone_that_was_used(
    result: PlanResult, drawings: Drawings
) -> None:
    lesion, way, close = drawings.meeting
    assert lesion.head.text == "lesion: lytic, 18 x 16 x 14 mm"
    assert way.head.text.startswith("vertebroplasty, both pedicles: entry 34 mm left of the midline, 16°")
    assert close.head.text == "closest: spinal canal 3.4 mm"
    for one in drawings.meeting:
        assert "bone" in [entry.words for entry in one.picture.legend]
        assert "lesion simulated" in one.picture.stamps


def test_other_populations_stand_apart_from_the_numbers_of_the_table(
    result: PlanResult, drawings: Drawings
) -> None:
    best = result.simulations.options[0]
    relief = next(e for e in best.outcomes if e.id == "pain_response_probability")
    foreign = replace(relief, study=Study(40, "patients", "fragility fractures, no tumour"))
    options = (replace(best, outcomes=(*best.outcomes[:4], foreign)), *result.simulations.options[1:])
    mixed = changed(result, options=options)
    assert first_page(mixed).rows[0].evidence == ()
    assert "other population: fragility fractures, no tumour;" in Seen(html(mixed, drawings)).text


def test_every_verdict_score_question_warning_and_source_stands_on_the_page(
    result: PlanResult, page: str
) -> None:
    text = Seen(page).text
    for verdict in result.explanation.verdicts:
        assert verdict.rule in text
        assert verdict.text in text
    for score in result.explanation.scores:
        assert "9–15 of 18" in text
        assert all(band in text for band in score.band_text)
    assert all(question.text in text for question in result.explanation.questions)
    assert all(warning in text for warning in result.warnings)
    assert all(citation.text in text for citation in result.citations)
    assert all(credit in text for credit in result.credits)


def test_a_source_that_the_list_lacks_is_shown_by_its_key(page: str) -> None:
    assert "[not_listed]" in Seen(page).text


def test_the_stamp_tells_versions_digests_seed_and_settings(result: PlanResult, page: str) -> None:
    text = Seen(page).text
    for part in (result.id, result.stamp.program, result.stamp.knowledge, *result.stamp.inputs.values()):
        assert part in text
    assert "seed 7" in text
    assert "setting draws 32" in text


def test_nothing_is_loaded_from_anywhere(page: str) -> None:
    for tag, attributes in Seen(page).tags:
        assert tag not in ("script", "link", "iframe", "object", "embed", "base")
        assert not [name for name in attributes if name.startswith("on")]
        for name in ("src", "href", "xlink:href", "srcset", "data"):
            target = attributes.get(name, "#")
            if tag == "a":
                assert target.startswith(("#", "https://doi.org/")), target
            else:
                assert target.startswith(("#", "data:image/png;base64,")), target
    style = page[page.index("<style>") : page.index("</style>")]
    assert "url(" not in style
    assert "@import" not in style


def test_a_source_with_a_dangerous_address_gets_no_link(result: PlanResult, drawings: Drawings) -> None:
    bad = replace(result, citations=(Citation("Bad", "A source.", url="javascript:alert(1)"),))
    assert "javascript:" not in html(bad, drawings)


def test_whatever_was_typed_is_escaped(result: PlanResult, drawings: Drawings) -> None:
    option = result.simulations.options[2]
    plan = replace(option.plan, title=NASTY, approach=NASTY)
    bad = changed(
        result,
        case=replace(result.reading.case, id=NASTY, credits=(NASTY,)),
        options=(
            *result.simulations.options[:2],
            replace(option, plan=plan, warnings=(NASTY,)),
            *result.simulations.options[3:],
        ),
        verdicts=(replace(result.explanation.verdicts[0], text=NASTY), *result.explanation.verdicts[1:]),
        warnings=(NASTY,),
        citations=(Citation("K", NASTY, doi='10.1/"><script>x</script>'),),
    )
    page = html(bad, drawings)
    assert "<script" not in page
    assert page.count("&lt;script&gt;") >= 8
    assert NASTY in Seen(page).text


def test_the_stamp_tells_how_the_strength_was_computed(result: PlanResult, drawings) -> None:
    solved = {
        "elements": 67126, "nodes": 77890, "spacing_mm": 1.0, "boundary_condition": "cap moved; cap held",
        "laws": "kopperdahl_2002_power", "residual": 3.2e-9, "iterations": 12,
        "reaction_against_load": 1e-12, "reaction_against_energy": 2e-9,
    }  # fmt: skip
    told = html(changed(result, numerics=solved), drawings)
    for words in (
        "67126 cubes of 1 mm, 233670 unknowns", "cap moved; cap held", "kopperdahl_2002_power",
        "relative residual 3.2e-09 after 12 steps; forces balance to 1.0e-12 of the load, reaction",
    ):  # fmt: skip
        assert words in told
    assert "strength, solver" not in html(changed(result, numerics={}), drawings)


def test_uncalibrated_is_stamped_on_the_strain_maps() -> None:
    loose = uncalibrated(plan_result())
    case, anatomy = loose.reading.case, loose.reading.anatomy
    strain = strain_page(Scenery.of(case.ct, anatomy, stamps_of(case, anatomy)), loose)
    assert strain is not None
    pictures = [picture for _, group in strain.states for picture in group]
    assert all("uncalibrated" in picture.stamps for picture in pictures)


def test_every_picture_of_a_phantom_says_so_and_every_simulated_lesion_too() -> None:
    page = render(plan_result(phantom=True))
    figures = re.findall(r"<figure.*?</figure>", page, re.S)
    assert len(figures) >= 10
    assert all("GENERATED PHANTOM" in figure and "lesion simulated" in figure for figure in figures)
    assert "generated phantom: these images are not a patient" in Seen(page).text
    assert len(page) < 6e6


def test_a_result_without_simulation_still_makes_a_page(result: PlanResult) -> None:
    bare = tuple(replace(o, outcomes=()) for o in result.simulations.options[2:])
    thin = changed(result, fields={}, now=(), intact=(), options=bare, scores=(), questions=(), verdicts=(),
        citations=(), comparison=replace(result.comparison, ranking=(), differences=(), ties=()),
    )  # fmt: skip
    text = Seen(render(thin)).text
    assert "Strain under load" not in text
    assert "no score applies here" in text


def _every_act() -> Iterator[tuple[Act, str]]:
    at = (12.0, -3.4, -512.5)
    yield Place("needle_11g", (0.0, 30.0, 0.0), (0.0, 0.0, 40.0), "pedicle_left"), "through the left pedicle"
    yield (
        Place("screw", (0.0, 30.0, 0.0), (0.0, 0.0, 40.0), stays=True),
        "50 mm from entry to tip, it stays in",
    )
    yield Remove("needle_11g"), "remove needle 11g"
    yield Expand("balloon", at, 3.0), "expand balloon to 3.0 mL at L 12.0 A 3.4 F 512.5"
    yield (
        Deliver("probe", "radiofrequency", (Segment(480.0, 20.0),), (at,), (1,)),
        "deliver radiofrequency by probe: 20 W for 8 min",
    )
    yield Inject("pmma", at, 2.5), "inject 2.5 mL pmma at L 12.0"
    yield Wait("cement cures", 10.0), "wait: cement cures, 10 min"
    yield Sample("needle_11g", at), "sample with needle 11g at L 12.0"
    yield Measure("temperature", at), "measure: temperature at L 12.0"


def test_every_act_is_a_sentence() -> None:
    for act, words in _every_act():
        assert words in act_words(act)
        assert Step(1, act).act is act


def read_anew(result: PlanResult, facts: dict[str, Fact]) -> PlanResult:
    """The same with other facts, and the monographs read on them."""
    told = changed(result, facts=facts)
    return replace(told, wordings=wordings(told.reading, told.explanation, told.simulations.options))


def test_a_monograph_holds_what_concerns_this_patient_and_leaves_out_what_does_not(
    result: PlanResult, drawings: Drawings
) -> None:
    broken = Seen(html(read_anew(result, {"region": "spine", "posterior_wall_defect": True}), drawings)).text
    whole = Seen(html(read_anew(result, {"region": "spine", "posterior_wall_defect": False}), drawings)).text
    row = "broken or destroyed posterior wall"
    assert row in broken
    assert row not in whole
    unknown = Seen(html(read_anew(result, {"region": "spine"}), drawings)).text
    assert row in unknown, "what may hold is shown, with the fact that would tell"
    assert "if: defect of the posterior wall" in unknown


def test_every_technique_stands_with_its_rules_and_the_thresholds_nearby(
    result: PlanResult, drawings: Drawings
) -> None:
    text = Seen(html(result, drawings)).text
    for words in (
        "T4: no image-guided treatment for pain alone", "not at this centre: cryoablation; refer elsewhere",
        "SP1 (route) would be true: SINS total is 9.0 to 12, 1.0 from 13",
        "49 % alive at 12 months", "the team expects 60 weeks or more",
        "fixture-hospital, signed by nobody", "P4: size_mm 30 -&gt; 40",
    ):  # fmt: skip
        assert words.replace("-&gt;", "->") in text, words
