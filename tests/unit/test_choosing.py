"""Sections on the choice: what is above what and why, what the answers make of it, what it is worth."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from osteoplan.decide.preference import preference_of
from osteoplan.model.certainty import Bar
from osteoplan.model.ensemble import Ensemble
from osteoplan.model.outcome import Estimate
from osteoplan.model.result import PlanResult
from osteoplan.model.value import (
    AcceptableAt,
    PairValue,
    PriceBase,
    TechniqueValue,
    ValueResult,
    WorthKnowing,
)
from osteoplan.report.plan.choice_charts import Point2, acceptability_chart, bar_chart, front, trade_chart
from osteoplan.report.plan.choosing import choosing
from osteoplan.report.plan.drawings import draw
from osteoplan.report.plan.meeting import first_page
from osteoplan.report.plan.nouns import Chart, ReportSection, Table, Words
from osteoplan.report.plan.page import html
from osteoplan.report.plan.rows import in_order
from tests.report_fixture import plan_result, with_choice

BEST, OTHER = "vertebroplasty", "best_supportive_care"


def _words(section: ReportSection) -> str:
    """Everything that a section says."""
    said: list[str] = [section.title]
    for part in section.parts:
        said.append(part.title)
        if isinstance(part, Table):
            said += [*part.heads, *(cell for row in part.rows for cell in row.cells)]
        elif isinstance(part, Words):
            said += part.lines
        else:
            said += [part.note, part.says]
    return " | ".join(said)


def _section(result: PlanResult, id: str) -> ReportSection:
    return next(one for one in choosing(result) if one.id == id)


def test_what_is_told_above_dominated_and_apart_stands_with_its_reason_and_with_what_would_change_it() -> (
    None
):
    words = _words(_section(with_choice(plan_result()), "choice"))
    assert "best supportive and systemic care by simulated strength (28 % more strength)" in words
    assert "dominated: best supportive and systemic care by vertebroplasty" in words
    assert "points apart: the patient's answers are met best by rest" in words
    assert "What is the Bilsky grade? | open fact | 3 of 6 answers | radiofrequency ablation" in words
    assert "no longer vertebroplasty" in words


def test_the_first_page_stands_in_the_order_of_the_choice() -> None:
    made = with_choice(plan_result())
    first = made.explanation.recommendations[0]
    twin = replace(first, technique="another", title="a treatment of the same tier")
    said = (first, twin, *made.explanation.recommendations[1:])
    made = replace(made, explanation=replace(made.explanation, recommendations=said))
    assert made.choice is not None
    places = made.choice.placed
    later = replace(places[0], technique="another", place=2)
    choice = made.choice
    for placed, order in (
        ((*places, later), [BEST, "another"]),
        ((replace(places[0], place=2), replace(later, place=1)), ["another", BEST]),
    ):
        found = in_order(replace(made, choice=replace(choice, placed=placed)))
        assert [one.id for one in found][:2] == order


def _valued() -> PlanResult:
    def amount(id: str, value: float, unit: str) -> Estimate:
        return Estimate(id, "", value, 0.5 * value, 1.5 * value, unit, "simulated")

    base = PriceBase("GBP", "2024", "United Kingdom")
    known = amount("qaly", 0.8, "a"), amount("cost", 4000.0, "GBP")
    best = TechniqueValue(BEST, "vertebroplasty", *known, None, base)
    other = TechniqueValue(OTHER, "care", None, None, None, None, ("no published relief of pain",))
    gap = Estimate("qaly", "", 0.1, -0.2, 0.4, "a", "simulated")
    pair = PairValue(BEST, OTHER, gap, None, None, "cannot say", "qaly", "interval holds zero")
    shares = {BEST: 0.6, OTHER: 0.4}
    worth = ValueResult(
        (best, other), (pair,), (BEST, OTHER), ("pain_response_probability",), (BEST, OTHER), base,
        acceptability=(AcceptableAt(20e3, shares), AcceptableAt(30e3, shares)),
        perfect_information=310.0, unit="GBP", missing=("no survival",), draws=10_000,
        worth=(
            WorthKnowing("eq5d", "own profile", 120.0, "GBP", "eq5d_5l"),
            WorthKnowing("p", "relief", 90.0, "GBP"),
        ),
        one_at_a_time=(Bar("relief", "relief", -900.0, 1500.0),),
    )  # fmt: skip
    return replace(plan_result(), value=worth)


def test_worth_is_told_of_a_cohort_with_what_is_missing_and_cannot_be_said() -> None:
    section = _section(_valued(), "value")
    words = _words(section)
    for said in (
        "never what happens to this one", "missing: no survival", "no published relief of pain", "cannot say",
        "GBP of 2024, United Kingdom", "everything | 310 GBP", "own profile | 120 GBP | eq5d 5l",
        "a study, not a fact",
    ):  # fmt: skip
        assert said in words
    assert sum(isinstance(part, Chart) for part in section.parts) == 2


def test_no_money_and_no_quality_adjusted_year_stands_on_the_first_page() -> None:
    page = html(_valued(), draw(_valued()))
    first = re.sub(r"base64,[^\"]*", "", page[page.index('<main class="first">') : page.index("</main>")])
    assert "GBP" in page
    assert "GBP" not in first
    assert "QALY" not in first
    assert first_page(_valued()) == first_page(plan_result())


def test_what_matters_says_when_nobody_was_asked_and_how_often_each_is_first() -> None:
    made = plan_result()
    told = preference_of(in_order(made), None, Ensemble(1, 64), samples=200)
    words = _words(_section(replace(made, preference=told), "preference"))
    assert "nobody has asked yet: all weights count alike" in words
    assert all(one.title in words for one in told.options if one.compared)


def _at(title: str, x: float, y: float) -> Point2:
    return Point2(title, (x, x - 1.0, x + 1.0), (y, None, None))


def test_the_front_holds_those_that_none_is_as_good_as_on_both() -> None:
    points = [
        _at("a", 1.0, 1.0),
        _at("b", 2.0, 2.0),
        _at("c", 0.5, 0.5),
        _at("d", 2.5, 0.2),
        _at("e", 2.0, 2.0),
    ]
    assert [one.title for one in front(points, (True, True))] == ["b", "e", "d"]
    assert [one.title for one in front(points, (False, False))] == ["c", "d"]
    assert [one.title for one in front(points, (True, False))] == ["d"]


@pytest.mark.parametrize(
    "made",
    [
        lambda: trade_chart([_at("a", 1.0, 1.0), _at("b", 2.0, 2.0)], ("pain", "stay"), (True, False)),
        lambda: bar_chart({"a": 0.3, "b": 0.0}, "first in [%]"),
        lambda: acceptability_chart([20e3, 30e3], {"a": [0.4, 0.5], "b": [0.6, 0.5]}, "GBP"),
    ],
)
def test_a_chart_is_the_same_text_every_time(made) -> None:  # type: ignore[no-untyped-def]
    assert made() == made()
    assert made().startswith("data:image/svg+xml;base64,")
