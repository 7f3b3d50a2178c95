"""The page: nothing is left out, nothing is loaded, nothing typed is executed, nothing unsure looks sure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from osteoplan.model.anatomy import Structure
from osteoplan.model.case import Fact
from osteoplan.model.evidence import Citation
from osteoplan.model.plan import (
    Act,
    Deliver,
    Expand,
    Inject,
    Measure,
    Option,
    Place,
    Remove,
    Sample,
    Step,
    Wait,
)
from osteoplan.model.result import PlanResult
from osteoplan.report.drawing.pictures import Scenery, stamps_of
from osteoplan.report.plan.nouns import Drawings
from osteoplan.report.plan.options import act_words
from osteoplan.report.plan.page import best_option, draw, html, render, strain_page
from osteoplan.report.plan.page_view import page_view
from osteoplan.workflow.wordings import wordings
from tests.report_fixture import NASTY, changed, plan_result, uncalibrated
from tests.synthetic_vertebra import vertebra, with_structure


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
    return html(page_view(result, drawings))


def test_every_option_stands_on_the_page_with_its_mark_or_reason(result: PlanResult, page: str) -> None:
    text = Seen(page).text
    for option in result.simulations.options:
        assert text.count(option.plan.title) >= 2  # the table, and the detail behind it
        for reason in option.reasons:
            assert text.count(reason.text) >= 2
        for step in option.plan.steps:
            assert act_words(step.act) in text
    assert "✕ vertebroplasty, right pedicle infeasible: passes 1.1 mm from the spinal canal" in text
    assert "1 vertebroplasty, both pedicles 92 %" in text
    assert "· best supportive care" in text


def test_every_verdict_score_question_warning_and_source_stands_on_the_page(
    result: PlanResult, page: str
) -> None:
    text = Seen(page).text
    for verdict in result.explanation.verdicts:
        assert verdict.rule in text
        assert verdict.text in text
    for score in result.explanation.scores:
        assert f"{score.name} 9–15 of 18" in text
        assert all(band in text for band in score.band_text)
    assert all(question.text in text for question in result.explanation.questions)
    assert all(warning in text for warning in result.warnings)
    assert all(citation.text in text for citation in result.citations)
    assert all(credit in text for credit in result.credits)


@pytest.mark.parametrize("site", ["spine", "sacrum", "pelvis", "femur", "humerus", "ribs"])
def test_the_lesion_is_told_on_the_page_of_every_site(
    result: PlanResult, drawings: Drawings, site: str
) -> None:
    view = page_view(replace(result, wordings=replace(result.wordings, site=site)), drawings)
    told = [line.label for line in view.lesion]
    assert told[:2] == ["size", "volume"]
    assert ("cortex, around" in told) == (site in ("femur", "humerus", "ribs"))


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
    assert "javascript:" not in html(page_view(bad, drawings))


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
    page = html(page_view(bad, drawings))
    assert "<script" not in page
    assert page.count("&lt;script&gt;") >= 8
    assert NASTY in Seen(page).text


def test_the_name_of_a_structure_is_escaped_on_the_pictures() -> None:
    anatomy = vertebra()
    named = Structure('"><script>', "vessel", anatomy.structures[1].mask, given=True)
    result = plan_result(with_structure(anatomy, named))
    alone = replace(result.comparison, ranking=(), ties=(), differences=())
    bare = changed(result, options=result.simulations.options[3:], comparison=alone, fields={})
    page = render(bare)
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_newtons_stand_behind_per_cent_when_the_scan_is_calibrated(page: str) -> None:
    text = Seen(page).text
    assert "Uncalibrated" not in text
    assert re.search(r"92 % \(\d+–\d+\) of intact 4 700 N", text)


def test_an_uncalibrated_scan_gets_a_banner_and_no_newtons(result: PlanResult, drawings: Drawings) -> None:
    seen = Seen(html(page_view(uncalibrated(result), drawings)))
    assert "Uncalibrated: ratios only." in seen.text
    assert not re.search(r"\d N\b|\d N/mm", seen.text)
    assert "withheld: uncalibrated" in seen.text
    assert "92 %" in seen.text


def test_the_stamp_tells_how_the_strength_was_computed(result: PlanResult, drawings) -> None:
    solved = {
        "elements": 67126, "nodes": 77890, "spacing_mm": 1.0, "boundary_condition": "cap moved; cap held",
        "laws": "kopperdahl_2002_power", "residual": 3.2e-9, "iterations": 12,
        "reaction_against_load": 1e-12, "reaction_against_energy": 2e-9,
    }  # fmt: skip
    told = html(page_view(changed(result, numerics=solved), drawings))
    for words in (
        "67126 cubes of 1 mm, 233670 unknowns", "cap moved; cap held", "kopperdahl_2002_power",
        "relative residual 3.2e-09 after 12 steps; forces balance to 1.0e-12 of the load, reaction",
    ):  # fmt: skip
        assert words in told
    assert "strength, solver" not in html(page_view(changed(result, numerics={}), drawings))


def test_uncalibrated_is_stamped_on_the_strain_maps() -> None:
    loose = uncalibrated(plan_result())
    case, anatomy = loose.reading.case, loose.reading.anatomy
    strain = strain_page(Scenery.of(case.ct, anatomy, stamps_of(case, anatomy)), loose)
    assert strain is not None
    pictures = [picture for _, group in strain.states for picture in group]
    assert all("uncalibrated" in picture.stamps for picture in pictures)


def test_research_use_only_is_repeated_on_every_printed_page(page: str) -> None:
    head = page[page.index("<thead>") : page.index("</thead>")]
    assert "Research use only. Not a medical device." in head
    assert "level NOT confirmed" in head
    style = page[page.index("<style>") : page.index("</style>")]
    assert "@page" in style
    assert "Research use only. Not a medical device." in style


def test_an_unverified_fact_is_marked_wherever_it_stands(result: PlanResult, drawings: Drawings) -> None:
    def tags(found: PlanResult) -> int:
        return html(page_view(found, drawings)).count('class="tag">source not read<')

    sure = changed(result, verdicts=tuple(replace(v, status="verified") for v in result.explanation.verdicts))
    assert tags(result) == tags(sure) + 3  # one rule on both pages, one rule on the second
    assert tags(sure) > 10
    assert "our default" in Seen(html(page_view(result, drawings))).text


def test_a_tag_that_not_all_of_a_column_shares_stands_in_the_cell(
    result: PlanResult, drawings: Drawings
) -> None:
    first = result.simulations.options[0]
    mixed = tuple(
        replace(e, status="verified") if e.id == "pain_response_probability" else e for e in first.outcomes
    )
    view = page_view(
        changed(result, options=(replace(first, outcomes=mixed), *result.simulations.options[1:])), drawings
    )
    column = next(n for n, c in enumerate(view.options.columns) if c.title == "pain better")
    assert view.options.columns[column].tag == ""
    assert [row.cells[column][0].tag for row in view.options.rows[:2]] == ["", "source not read"]


def test_a_difference_that_the_uncertainty_does_not_support_is_grey_and_says_so(
    result: PlanResult, drawings: Drawings
) -> None:
    rows = page_view(result, drawings).options.rows
    assert rows[0].change is not None
    assert rows[1].change is not None
    assert (rows[0].change.grey, rows[1].change.grey) == (False, True)
    assert rows[1].change.note == "not told apart"


def test_an_empty_cell_says_that_there_is_no_comparable_evidence(
    result: PlanResult, drawings: Drawings
) -> None:
    surgery = page_view(result, drawings).options.rows[5]
    assert surgery.strength is None
    assert [cell[0].note for cell in surgery.cells] == [
        "not applicable", "not applicable", "no comparable evidence", "no comparable evidence",
    ]  # fmt: skip


def test_every_picture_of_a_phantom_says_so_and_every_simulated_lesion_too() -> None:
    page = render(plan_result(phantom=True))
    figures = re.findall(r"<figure.*?</figure>", page, re.S)
    assert len(figures) > 12
    assert all("GENERATED PHANTOM" in figure and "lesion simulated" in figure for figure in figures)
    assert "Generated phantom: these images are not a patient." in Seen(page).text
    assert len(page) < 6e6


def test_a_rule_that_empties_the_ranking_is_said_first(result: PlanResult, drawings: Drawings) -> None:
    comparison = replace(result.comparison, ranking=(), ties=(), emptied_by="L6")
    excluded = tuple(
        replace(o, status="excluded_by_rule") if o.status == "ranked" else o
        for o in result.simulations.options
    )
    stopped = changed(result, comparison=comparison, options=excluded)
    page = page_view(stopped, drawings)
    assert page.banners[0] == "No ranking: L6 speaks first. stabilise first, radiotherapy after"
    assert best_option(result) is result.simulations.options[0]
    assert best_option(stopped) is None
    assert [row.mark for row in page.options.rows] == ["✕", "✕", "✕", "·", "·", "·"]


def test_a_result_without_simulation_still_makes_a_page(result: PlanResult) -> None:
    bare = tuple(replace(o, outcomes=()) for o in result.simulations.options[2:])
    thin = changed(result, fields={}, now=(), intact=(), options=bare, scores=(), questions=(), verdicts=(),
        citations=(), comparison=replace(result.comparison, ranking=(), differences=(), ties=()),
    )  # fmt: skip
    text = Seen(render(thin)).text
    assert "strength was not simulated" in text
    assert "Strain under load" not in text
    assert "no score applies here" in text


def test_the_weightiest_rule_is_said_first_and_unknown_facts_name_the_rules_that_wait(
    result: PlanResult, drawings: Drawings
) -> None:
    page = page_view(result, drawings)
    assert [rule.rule for rule in page.first_spoke] == ["SP4", "L6"]
    assert [(line.label, line.text) for line in page.first_cannot] == [
        ("epidural compression (Bilsky grade)", "SP3, S2")
    ]
    unasked = page_view(changed(result, questions=()), drawings)
    assert [line.text for line in unasked.first_cannot] == ["SP3"]
    many = changed(result, verdicts=9 * result.explanation.verdicts[:1])
    assert page_view(many, drawings).rules_note == "2 more spoke: see the page of rules"


def _every_act() -> Iterator[tuple[Act, str]]:
    at = (12.0, -3.4, -512.5)
    yield Place("needle_11g", (0.0, 30.0, 0.0), (0.0, 0.0, 40.0), "pedicle_left"), "through the left pedicle"
    yield (
        Place("screw", (0.0, 30.0, 0.0), (0.0, 0.0, 40.0), stays=True),
        "50 mm from entry to tip, it stays in",
    )
    yield Remove("needle_11g"), "remove needle 11g"
    yield Expand("balloon", at, 3.0), "expand balloon to 3.0 mL at L 12.0 A 3.4 F 512.5"
    yield Deliver("probe", at, "radiofrequency", 20.0, 480.0), "deliver radiofrequency at 20 W for 480 s"
    yield Inject("pmma", at, 2.5), "inject 2.5 mL pmma at L 12.0"
    yield Wait("cement cures", 10.0), "wait: cement cures, 10 min"
    yield Sample("needle_11g", at), "sample with needle 11g at L 12.0"
    yield Measure("temperature", at), "measure: temperature at L 12.0"


def test_every_act_is_a_sentence() -> None:
    for act, words in _every_act():
        assert words in act_words(act)
        assert Step(1, act).act is act


def test_a_failed_option_shows_its_reason_or_says_that_none_was_recorded(
    result: PlanResult, drawings: Drawings
) -> None:
    failed: Option = replace(result.simulations.options[0], status="failed", reasons=())
    rows = page_view(
        changed(result, options=(failed, *result.simulations.options[1:])), drawings
    ).options.rows
    assert rows[0].reason == "simulation failed: no reason was recorded"


def read_anew(result: PlanResult, facts: dict[str, Fact]) -> PlanResult:
    """The same with other facts, and the monographs read on them."""
    told = changed(result, facts=facts)
    return replace(told, wordings=wordings(told.reading, told.explanation, told.simulations.options))


def test_a_monograph_holds_what_concerns_this_patient_and_leaves_out_what_does_not(
    result: PlanResult, drawings: Drawings
) -> None:
    broken = Seen(
        html(page_view(read_anew(result, {"region": "spine", "posterior_wall_defect": True}), drawings))
    ).text
    whole = Seen(
        html(page_view(read_anew(result, {"region": "spine", "posterior_wall_defect": False}), drawings))
    ).text
    row = "broken or destroyed posterior wall"
    assert row in broken
    assert row not in whole
    unknown = Seen(html(page_view(read_anew(result, {"region": "spine"}), drawings))).text
    assert row in unknown, "what may hold is shown, with the fact that would tell"
    assert "if: defect of the posterior wall" in unknown


def test_every_technique_stands_with_its_rules_its_conflicts_and_the_thresholds_nearby(
    result: PlanResult, drawings: Drawings
) -> None:
    text = Seen(html(page_view(result, drawings))).text
    for words in (
        "T4: no image-guided treatment for pain alone", "not at this centre: cryoablation; refer elsewhere",
        "vertebroplasty: L6 for it, SP4 against it",
        "SP1 (route) would be true: SINS total is 9.0 to 12, 1.0 from 13",
        "third line: yes (L4)", "49 % alive at 12 months", "the team expects 60 weeks or more",
        "fixture-hospital, signed by nobody", "P4: size_mm 30 -&gt; 40",
    ):  # fmt: skip
        assert words.replace("-&gt;", "->") in text, words
