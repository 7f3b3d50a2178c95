"""Heat and cold on the page: isotherms where the field has them, clocks with limits, margins by criterion."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from osteoplan.io.plan_json import heat_peaks, plan_document, read_plan, write_plan
from osteoplan.model.heat import HeatClock, HeatLimit, HeatMoment, HeatRecord
from osteoplan.model.outcome import Estimate, Outcome
from osteoplan.model.plan import Deliver, Inject, Measure, Place, Plan, Remove, Segment, Step, Wait
from osteoplan.model.result import PlanResult
from osteoplan.report.drawing.colours import ABLATION
from osteoplan.report.drawing.heat import clock_chart, isotherms, margins
from osteoplan.report.drawing.pictures import Picture, Scenery
from osteoplan.report.drawing.surface import margin_colours
from osteoplan.report.plan.drawings import draw, heat_page
from osteoplan.report.plan.heat import heat_tables
from osteoplan.report.plan.meeting import first_page
from osteoplan.report.plan.page import html
from osteoplan.report.plan.technical import technical
from osteoplan.report.rendering import page_count
from osteoplan.report.sheet.page import render_sheet
from osteoplan.report.sheet.view import sheet_view
from osteoplan.workflow.sheet import asked_of
from tests.heat_made import BODY, made_record
from tests.png_read import pixels_of
from tests.report_fixture import changed, needle, plan_result
from tests.synthetic_vertebra import vertebra


@cache
def record(cold: bool = False, wide_mm: float = 9.0) -> HeatRecord:
    return made_record(vertebra(), cold=cold, step=77, wide_mm=wide_mm)


@cache
def scenery() -> Scenery:
    anatomy = vertebra()
    return Scenery.of(anatomy.image, anatomy, ("lesion simulated",))


WORDS = {
    "ablation_coverage_pct": ("lesion killed", "%", "more"),
    "ablation_spared_mL": ("lesion still alive", "mL", "less"),
    "ablation_margin_mm": ("least margin", "mm", "more"), "hottest_degC": ("hottest", "degC", "less"),
    "coldest_degC": ("coldest", "degC", "more"),
}  # fmt: skip


def made(id: str, target: str, value: float, low: float, high: float) -> Estimate:
    return Estimate(id, target, value, low, high, WORDS[id][1], "simulated", ())


def outcomes(cold: bool) -> tuple[Estimate, ...]:
    felt = made("coldest_degC", "spinal_canal", 31.0, 28.0, 33.0)
    return (
        made("ablation_coverage_pct", "-40 degC" if cold else "60 degC", 99.7, 96.0, 100.0),
        made("ablation_spared_mL", "-40 degC" if cold else "60 degC", 0.01, 0.0, 0.2),
        made("ablation_coverage_pct", "-20 degC" if cold else "CEM43 240", 71.0, 60.0, 80.0),
        felt if cold else made("hottest_degC", "spinal_canal", 43.0, 41.0, 46.0),
    )


def heated(cold: bool = False) -> PlanResult:
    """The fixture with one plan that delivers."""
    result = plan_result()
    first, *rest = result.simulations.options
    segments = (Segment(300.0, set_degC=-120.0), Segment(120.0)) if cold else (Segment(420.0, power_W=15.0),)
    tip = record(cold).clock.points_mm[0]
    act = Deliver("generic_probe", "cold" if cold else "rf_bipolar", segments, (tip,), (1,))
    plan: Plan = replace(first.plan, steps=(*first.plan.steps, Step(77, act)))
    options = (replace(first, plan=plan, outcomes=(*first.outcomes, *outcomes(cold))), *rest)
    titles = {
        id: Outcome(id, title, title, (unit,), better, ("heat",))
        for id, (title, unit, better) in WORDS.items()
    }
    words = replace(result.wordings, outcomes={**result.wordings.outcomes, **titles})
    return changed(result, options=options, heat={first.id: (record(cold),)}, wordings=words)


def sizes(picture: Picture) -> dict[str, float]:
    """Width of each isotherm in mm, by its line style."""
    found = {}
    for stroke in picture.outlines:
        if stroke.colour == ABLATION:
            x = [float(one) for one in re.findall(r"[ML]([-\d.]+) ", stroke.path)]
            found.setdefault(stroke.dash, (max(x) - min(x)) / picture.scale_bar * 10.0)
    return found


@pytest.mark.parametrize("cold", [False, True])
def test_isotherms_are_as_wide_as_the_field_says_in_every_cut(cold: bool) -> None:
    made = record(cold)
    peak, wide = (-150.0, 9.0) if cold else (70.0, 9.0)
    middle = scenery().lesion_centre_mm
    field = made.coldest if cold else made.hottest
    for picture in isotherms(scenery(), made, field, middle, width=200.0):
        for dash, level in (("", made.lethal_degC[0]), ("4 3", made.edge_degC)):
            radius = wide * np.sqrt(np.log(peak / (level - BODY)))
            assert sizes(picture)[dash] == pytest.approx(2.0 * radius, abs=1.2), level


def test_every_picture_of_heat_says_that_it_is_simulated_generic_and_unverified() -> None:
    made = record()
    pictures = (*isotherms(scenery(), made, made.end, scenery().lesion_centre_mm, width=200.0),
                *margins(scenery(), made, "60 degC", width=100.0))  # fmt: skip
    for picture in pictures:
        assert {"heat simulated", "generic applicator", "unverified", "lesion simulated"} <= {*picture.stamps}


def test_the_legend_names_each_isotherm_with_its_line() -> None:
    made = record(cold=True)
    picture, *_ = isotherms(scenery(), made, made.coldest, scenery().lesion_centre_mm, width=200.0)
    told = {(one.words, one.dash) for one in picture.legend if one.colour == ABLATION}
    assert told == {("−20 °C, −40 °C", ""), ("0 °C", "4 3")}


@pytest.mark.parametrize(("cold", "limit", "other"), [(False, 45, 10), (True, 10, 45)])
def test_a_clock_shows_the_structure_and_the_limit_to_which_it_is_driven(
    cold: bool, limit: int, other: int
) -> None:
    svg = base64.b64decode(clock_chart(record(cold)).partition(",")[2]).decode()
    for words in ("spinal canal", f"limit {limit} °C", "time [min]"):
        assert f" {words} -->" in svg, words
    assert f"limit {other} °C" not in svg


def test_names_of_many_structures_beside_their_lines_stand_apart_and_a_limit_says_whose_it_is() -> None:
    names = tuple(f"root_{n}" for n in range(8))
    degC = np.full((3, 8), BODY) + np.outer((0.0, 2.0, 1.0), 1.0 + 0.01 * np.arange(8))
    limits = (*[HeatLimit(10.0, 45.0)] * 7, HeatLimit(10.0, 43.0))
    clock = HeatClock(names, ((0.0, 0.0, 0.0),) * 8, np.array([0.0, 60.0, 120.0]), degC, limits)
    svg = base64.b64decode(clock_chart(replace(record(), clock=clock)).partition(",")[2]).decode()
    heights = [float(y) for y in re.findall(r"<!-- root \d -->\s*<g[^>]*translate\([\d.]+ ([\d.]+)\)", svg)]
    assert len(heights) == 6, "those that stray most"
    assert np.diff(np.sort(heights)).min() > 8.0, "pt"
    assert "limit 45 °C -->" in svg
    assert "limit 43 °C, root 7 -->" in svg


def test_a_lesion_that_is_not_all_dead_is_not_drawn_as_if_it_were() -> None:
    """The made zone is wider than the lesion at 60 degC, and narrower with a narrow ball."""

    def mean(wide_mm: float) -> np.ndarray:
        picture, _ = margins(scenery(), record(wide_mm=wide_mm), "60 degC", width=100.0)
        seen = pixels_of(picture.image).astype(float)
        middle = seen.shape[0] // 2
        return seen[middle - 3 : middle + 4, middle - 3 : middle + 4].mean(axis=(0, 1))

    wide, narrow = mean(16.0), mean(3.0)
    assert wide[2] > wide[0], "violet: dead beyond the surface"
    assert narrow[0] > narrow[2], "orange: something is left"
    ends = margin_colours(np.array([-30.0, -10.0, 10.0, 30.0]))
    assert np.array_equal(ends[0], ends[1])
    assert np.array_equal(ends[2], ends[3])


@pytest.mark.parametrize("cold", [False, True])
def test_the_detail_of_an_option_shows_its_heat(cold: bool) -> None:
    result = heated(cold)
    drawings = draw(result)
    (page,) = drawings.heat[result.simulations.options[0].id]
    assert [said for said, _ in page.cuts] == [
        f"of the {'lowest' if cold else 'highest'} temperature that every place reached",
        f"when the spinal canal was {'coldest' if cold else 'hottest'}, 5.0 min",
        "at the end, when what was watched had turned back",
    ]
    assert [name for name, _ in page.margins] == (["-20 °C", "-40 °C"] if cold else ["60 °C", "CEM43 240"])
    text = html(result, drawings)
    for words in ("isotherms of the", "temperature against time", "not judged", "skin", "unverified",
                  "the limit of power was met", "energy not accounted for"):  # fmt: skip
        assert words in text, words
    assert "energy not accounted for: 0.020 %" in text
    for never in ("100 %", "safe to", "✓"):
        assert never not in " ".join(page.notes)


def test_moments_of_the_structures_that_strayed_most_are_drawn_and_others_told_in_words() -> None:
    made = record()
    names = tuple(f"root_{n}" for n in range(5))
    rise = np.array([6.0, 5.0, 4.0, 3.0, 0.1])
    clock = replace(
        made.clock, names=names, points_mm=made.clock.points_mm * 5, limits=made.clock.limits * 5,
        degC=BODY + np.outer((0.0, 0.5, 1.0, 0.5), rise),
    )  # fmt: skip
    moments = tuple(HeatMoment(name, 300.0, made.hottest) for name in reversed(names))
    result = heated()
    page = heat_page(
        scenery(), result, result.simulations.options[0], replace(made, clock=clock, moments=moments)
    )
    assert [said for said, _ in page.cuts[1:4]] == [
        f"when the root {n} was hottest, 5.0 min" for n in range(3)
    ]
    assert page.notes[0] == "root 3, not drawn: hottest 40 °C after 5.0 min"
    assert not any("root 4" in note for note in page.notes), "it stayed as it was"


@pytest.mark.parametrize("cold", [False, True])
def test_criteria_stand_side_by_side_and_none_says_that_all_is_dead(cold: bool) -> None:
    result = heated(cold)
    dead, _ = heat_tables(result, result.simulations.options[0])
    assert dead.heads == ("criterion", "lesion killed", "lesion still alive")
    assert [row.cells for row in dead.rows] == [
        ("-40 °C" if cold else "60 °C", "over 99 % (96 to over 99 %)", "0.01 mL (0.00–0.20)"),
        ("-20 °C" if cold else "CEM43 240", "71 % (60–80)", ""),
    ]


def test_what_was_not_seen_stands_among_the_structures_as_not_judged() -> None:
    result = heated()
    _, felt = heat_tables(result, result.simulations.options[0])
    assert [row.cells for row in felt.rows] == [
        ("spinal canal", "43 °C (41–46)", "5.0 min", "10 °C and 45 °C"),
        ("skin", "", "", "not judged: not seen on this scan"),
    ]


def test_the_first_page_tells_what_comes_nearest_to_its_limit_and_links_to_its_table() -> None:
    result = heated()
    option = result.simulations.options[0]
    found = [one for row in first_page(result).rows for one in row.risk if one.link == f"heat-{option.id}"]
    assert [one.text for one in found] == ["spinal canal 43 °C"]
    assert f'id="heat-{option.id}"' in html(result, draw(result))


def test_the_technical_version_has_tables_and_clock_of_each_plan() -> None:
    result = heated(cold=True)
    (section,) = (one for one in technical(result, draw(result).charts) if one.id.startswith("heat-"))
    assert [part.kind for part in section.parts] == ["table", "table", "chart", "words"]


def test_an_option_without_heat_says_nothing_of_it() -> None:
    result = plan_result()
    assert heat_tables(result, result.simulations.options[0]) == ()
    assert "Heat and cold" not in html(result, draw(result))


@pytest.mark.parametrize("cold", [False, True])
def test_plan_json_tells_what_structures_felt_and_reads_it_back(cold: bool, tmp_path: Path) -> None:
    result = heated(cold)
    id = result.simulations.options[0].id
    document = plan_document(result, case_folder=".")
    write_plan(document, tmp_path / "plan.json")
    (peak,) = heat_peaks(read_plan(tmp_path / "plan.json"), id)
    assert peak == record(cold).peaks[0]
    assert peak.room_K == pytest.approx(peak.degC - 10.0 if cold else 45.0 - peak.degC)
    (told,) = document["heat"][id]
    assert told["not_judged"] == ["skin"]
    assert told["stamps"] == ["generic applicator", "unverified"]


@pytest.mark.parametrize("cold", [False, True])
def test_the_sheet_tells_what_structures_feel_where_to_measure_and_at_what_to_stop(cold: bool) -> None:
    result = heated(cold)
    option = result.simulations.options[0]
    document = {**plan_document(result, case_folder="."), "wordings": None}
    sheet = sheet_view(asked_of(document, option, result.reading.case, result.reading.anatomy))
    (felt,) = sheet.felt
    assert (felt.structure, felt.degC, felt.note) == (
        ("spinal canal, limit 10", "31", "(28 to 33)")
        if cold
        else ("spinal canal, limit 45", "43", "(41 to 46)")
    )
    (where,) = (line.text for line in sheet.materials if line.label == "thermocouple")
    assert where.startswith("none planned; spinal canal nears its limit most")
    assert where.endswith("°C after 5.0 min")
    stop = "or 10 °C is passed" if cold else "a thermocouple passes 45 °C"
    assert any(stop in line for line in sheet.stops)
    assert not any("temperatures" in one for one in sheet.unchecked)


def test_a_sheet_of_heat_that_nobody_simulated_says_so() -> None:
    result = heated()
    document = {**plan_document(result, case_folder="."), "wordings": None, "heat": {}}
    option = result.simulations.options[0]
    sheet = sheet_view(asked_of(document, option, result.reading.case, result.reading.anatomy))
    assert sheet.felt == ()
    assert sheet.unchecked[-1] == "temperatures (not simulated)"
    assert any("a thermocouple passes a limit" in line for line in sheet.stops)


def test_a_sheet_that_was_shortened_still_finds_room_for_ablation_and_cement_through_one_cannula() -> None:
    """As long as the longest of the spine demo: ten steps, every sentence of heat and of cement."""
    result = heated()
    first = result.simulations.options[0]
    (entry, tip), (heat,) = (
        needle(result.reading.anatomy, 1.0),
        (s.act for s in first.plan.steps if s.order == 77),
    )
    acts = (
        Place("cannula_13g", entry, tip, through="transpedicular_left"),
        Measure("CT: cannulas in the lesion, away from nerves"),
        replace(heat, tips_mm=(tip,)),
        Measure("CT: gas, bleeding, fracture"),
        Measure("CT: tips in the body, away from the canal"),
        Wait("cooling"),
        Inject("pmma", tip, 4.9),
        Wait("cement cure", 11.0),
        Remove("cannula_13g, left"),
        Measure("CT: cement, leaks"),
    )
    title = (
        "radiofrequency ablation, through the pedicle into the vertebral body, left, "
        "then vertebroplasty, left pedicle"
    )
    gaps = tuple(
        Estimate("clearance_mm", f"{name}, left path", 2.8, 0.4, 6.7, "mm", "simulated", ())
        for name in ("bone left around it", "spinal canal", "pleural recess left")
    )
    plan = replace(
        first.plan,
        title=title,
        clearances=gaps,
        steps=tuple(Step(n, act, why="a reason") for n, act in enumerate(acts, 1)),
    )
    option = replace(first, plan=plan)
    document = {**plan_document(result, case_folder="."), "wordings": None}
    asked = asked_of(document, option, result.reading.case, result.reading.anatomy)
    assert page_count(render_sheet(asked)) == 1
