"""Pictures of how a bone was held and loaded: places, sides, arrows and words."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from osteoplan.mechanics.boundary_summary import boundary_summary
from osteoplan.model.boundary_summary import LifeLoad
from osteoplan.model.case import Patient
from osteoplan.report.drawing.boundary_conditions import (
    _figure,
    boundary_lines,
    boundary_png,
    load_words,
    measured_lines,
)
from osteoplan.report.drawing.silhouettes import shadows
from osteoplan.report.plan.drawings import draw
from osteoplan.report.plan.page import html
from osteoplan.workflow.load_case_runner import LoadCaseRunner
from osteoplan.workflow.settings import PlanSettings
from osteoplan.workflow.solved_files import write_boundaries
from tests.report_fixture import changed, plan_result, uncalibrated
from tests.synthetic_vertebra import vertebra

LEFT_FRONT = (9.0, -6.0, 0.0)  # of the vertebra's own axes: left, posterior, superior
GRIDS = ("straight", "oblique", "left_handed")


def bench_of(grid):
    anatomy = vertebra(grid, lesion_at=LEFT_FRONT, lesion_radius=4.0)
    return LoadCaseRunner(anatomy, PlanSettings(spacing_mm=2.5), which="all")


@pytest.fixture(scope="module")
def benches():
    return {grid: bench_of(grid) for grid in GRIDS}


@pytest.fixture(scope="module")
def runner(benches):
    return benches["left_handed"]


def case(runner, id):
    return next(one for one in runner.boundary_summaries() if one.id == id)


@pytest.mark.parametrize("grid", GRIDS)
def test_a_lesion_on_the_left_lies_beside_the_letter_l_and_one_in_front_beside_a(benches, grid):
    runner = benches[grid]
    coronal, sagittal = shadows(runner.anatomy, case(runner, "vertebra_compression"))
    assert coronal.letters[:2] == ("R", "L")
    assert sagittal.letters[:2] == ("A", "P")
    assert np.vstack(coronal.lesion)[:, 0].mean() > 5.0  # to the viewer's right, where L stands
    assert np.vstack(sagittal.lesion)[:, 0].mean() < -3.0  # to the viewer's left, where A stands
    drawn = _figure((coronal, sagittal), case(runner, "vertebra_compression"), lines=())
    at = {text.get_text(): text.get_position()[0] for text in drawn.axes[0].texts if text.get_text() in "LR"}
    assert at["R"] < at["L"]


@pytest.mark.parametrize("grid", GRIDS)
def test_a_compressed_vertebra_is_held_below_and_pushed_down_from_above(benches, grid):
    runner = benches[grid]
    one = case(runner, "vertebra_compression")
    frame = runner.anatomy.frame
    assert frame.local(one.held_mm)[:, 2].max() < frame.local(one.body_mm)[:, 2].mean()
    assert frame.local(one.loaded_mm)[:, 2].min() > frame.local(one.body_mm)[:, 2].mean()
    np.testing.assert_allclose(one.load_axis, -frame.superior, atol=1e-6)
    for shadow in shadows(runner.anatomy, one):
        assert shadow.held[:, 1].max() < shadow.loaded[:, 1].min()
        np.testing.assert_allclose(shadow.along, (0.0, -1.0), atol=1e-6)


@pytest.mark.parametrize("grid", GRIDS)
def test_forward_flexion_turns_about_the_left_and_bends_forward_in_the_sagittal_picture(benches, grid):
    """Seen from the left, with the front at the viewer's left, bending forward goes against the clock."""
    runner = benches[grid]
    one = case(runner, "vertebra_flexion")
    assert one.turns
    np.testing.assert_allclose(one.load_axis, runner.anatomy.frame.left, atol=1e-6)
    coronal, sagittal = shadows(runner.anatomy, one)
    assert sagittal.toward == pytest.approx(1.0)
    assert abs(coronal.toward) < 1e-6


def test_outlines_enclose_what_they_are_the_shadow_of(runner):
    one = case(runner, "vertebra_compression")
    for shadow in shadows(runner.anatomy, one):
        body, end_cap = np.vstack(shadow.body), np.vstack(shadow.end_cap)
        assert np.ptp(body[:, 1]) <= np.ptp(np.vstack(shadow.bone)[:, 1]) + 5.0
        # The caps end where the nodes of the machine are.
        assert end_cap[:, 1].max() == pytest.approx(shadow.loaded[:, 1].max(), abs=1.5)
        assert end_cap[:, 1].min() == pytest.approx(shadow.held[:, 1].min(), abs=1.5)


def test_words_say_how_it_is_held_and_loaded_and_what_nobody_measured(runner):
    lines = boundary_lines(case(runner, "vertebra_flexion"))
    assert lines[0].startswith("held (blue squares): inferior cap held")
    assert lines[1].startswith("loaded (vermilion triangles): superior cap turned forward")
    assert (
        lines[2] == "load in life: no size of this load in life was found in a readable source for this bone"
    )
    assert lines[-1].endswith("strain is shown at 10 000 N mm")


def test_a_load_of_life_is_told_with_its_formula_source_and_standing():
    load = LifeLoad(
        "walking", "walking", 1670.0, None, 3340.0, "N", "2.38 * body_weight_N", ("Bergmann2001",), "verified"
    )
    assert load_words(load) == "1 700 N (1 700–3 300) = 2.38 × body weight, walking [Bergmann2001]"
    unsure = replace(load, value=None, low=None, high=None, status="unverified")
    assert load_words(unsure).startswith(
        "not known without the patient's weight or height = 2.38 × body weight"
    )
    assert load_words(unsure).endswith("[Bergmann2001, source not read]")


def test_loads_of_life_are_those_of_this_bone_and_patient(runner):
    specimen = runner.specimen(runner.case)
    lumbar = replace(specimen, anatomy=replace(specimen.anatomy, bone="vertebra_L4"))
    assert boundary_summary(specimen, Patient()).loads == ()
    found = {load.title: load.value for load in boundary_summary(lumbar, Patient(weight_kg=70.0)).loads}
    assert 1650.0 in found.values()
    assert any(value == pytest.approx(2.04 * 70.0 * 9.80665) for value in found.values())
    assert None in [load.value for load in boundary_summary(lumbar, Patient()).loads]


def test_every_load_case_that_was_run_is_written_as_a_picture(runner, tmp_path):
    files = write_boundaries(runner, tmp_path)
    assert [file.name for file in files] == [f"{one.id}_supports.png" for one in runner.cases]
    assert len(files) == 4
    assert all(file.read_bytes().startswith(b"\x89PNG\r\n\x1a\n") for file in files)
    assert boundary_png(runner.anatomy, runner.boundary_summaries()[0]) == files[0].read_bytes()


def test_the_report_shows_a_picture_and_the_outcomes_of_every_load_case_that_was_run(runner):
    told = runner.boundary_summaries()[:2]
    now = [replace(one, target=told[0].title) for one in plan_result().simulations.now]
    result = changed(plan_result(runner.anatomy), boundary_summaries=told, now=tuple(now))
    drawings = draw(result)
    page = html(result, drawings)
    section = page[page.index('id="supports"') : page.index('id="certainty"')]
    for one in told:
        assert f"{one.title}: where it was held and loaded" in section
        assert one.held in section
    assert section.count("data:image/png;base64,") == 2
    assert "strength, share of intact" in section
    assert " N <" in section or " N</" in section
    loose = html(uncalibrated(result), drawings)
    assert "withheld: uncalibrated" in loose[loose.index('id="supports"') : loose.index('id="certainty"')]
    bare = html(changed(result, boundary_summaries=()), drawings)  # what a figure leads to stays
    assert "where it was held and loaded" not in bare


def test_what_was_measured_in_cadavers_stands_beside_what_this_program_says(runner):
    lines = measured_lines(case(runner, "vertebra_compression"))
    assert lines[0].startswith(
        "share of the body to fill until strength is back: measured 16.2 %, here 16.7 %"
    )
    assert len(lines) == 5
    assert measured_lines(case(runner, "vertebra_flexion")) == ()
