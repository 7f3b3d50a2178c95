"""The procedure sheet: one page, 11 pt or larger, and every number where the plan puts it."""

from __future__ import annotations

import io
import json
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path

import numpy as np
import pypdf
import pytest

from osteoplan.anatomy.flanks import flanks
from osteoplan.errors import AlreadyExists, BadInput, UnknownName
from osteoplan.io.plan_json import option_noun, plan_document, write_plan
from osteoplan.model.case import Case
from osteoplan.model.outcome import Estimate
from osteoplan.model.plan import (
    Deliver,
    Inject,
    Measure,
    Option,
    Place,
    Plan,
    Point,
    Reason,
    Remove,
    Segment,
    Step,
    Wait,
)
from osteoplan.model.volume import Volume
from osteoplan.report.places import Midline, angles, midline, skin_to_bone_mm, slice_words
from osteoplan.report.rendering import page_count
from osteoplan.report.sheet.nouns import Asked
from osteoplan.report.sheet.page import TEXT_PT, render_sheet, sheet_document
from osteoplan.report.sheet.view import sheet_view
from osteoplan.workflow import sheet as workflow
from tests.report_fixture import NASTY, changed, needle
from tests.report_fixture import plan_result as made_result
from tests.synthetic_vertebra import vertebra

plan_result = cache(made_result)
GAP = {"unit": "mm", "basis": "simulated", "because": (), "status": "design_default"}


FREEZE_THAW_FREEZE = (Segment(600.0, set_degC=-75.0), Segment(480.0), Segment(600.0, set_degC=-75.0))


def _gap(structure: str, value: float, id: str = "clearance_mm") -> Estimate:
    return Estimate(id, f"{structure}, left path", value, value - 3.0, value + 3.0, **GAP)  # type: ignore[arg-type]


@cache
def _case() -> Case:
    return replace(plan_result().reading.case, procedure={"position": "prone", "scan_position": "supine"})


def _asked(option: Option, case: Case | None = None) -> Asked:
    result = plan_result()
    stamp = {"created": "2026-11-28T10:00:00", "program": "0.1.0"}
    return workflow.asked_of(
        {"id": result.id, "stamp": stamp, "wordings": None}, option, case or _case(), result.reading.anatomy
    )


@cache
def _one_needle() -> Option:
    entry, tip = needle(plan_result().reading.anatomy, 1.0)
    steps = (
        Place("cannula_13g", entry, tip, through="pedicle_left"),
        Measure("CT: tip in the body"),
        Inject("pmma", tip, 3.75),
        Wait("cement cure", 11.0),
        Remove("cannula_13g, left"),
    )
    plan = Plan(
        "vp_left", "vertebroplasty", "vertebroplasty, left pedicle", "L1",
        tuple(Step(n, act, why="because") for n, act in enumerate(steps, 1)),
        clearances=(_gap("spinal canal", 2.25), _gap("aorta", 14.0), _gap("bone", 1.1, "wall_depth_mm")),
    )  # fmt: skip
    return Option(plan, "plan", "ranked")


@cache
def _everything() -> Option:
    """Three screws over wires, a probe, a thermocouple, gas, cement: as much as one session holds."""
    anatomy = plan_result().reading.anatomy
    acts: list[Place | Deliver | Inject | Measure | Wait] = []
    entry, tip = needle(anatomy, 1.0)
    for shift in (-6.0, 0.0, 6.0):
        moved = (entry[0], entry[1], entry[2] + shift), (tip[0], tip[1], tip[2] + shift)
        acts.append(Place("screw_7_0_32", *moved, through="tripod_roof", stays=True, length_mm=45.0))
    acts.insert(0, Place("cannula_11g", *needle(anatomy, -1.0), through="pedicle_right"))
    acts.insert(1, Measure("temperature at the sciatic nerve", tip))
    acts.insert(2, Inject("gas", tip, 60.0))
    acts.insert(3, Deliver("cryoprobe_2_4mm", "cold", FREEZE_THAW_FREEZE, (acts[0].target_mm,), (1,)))  # type: ignore[union-attr]
    acts += [Inject("pmma", tip, 8.0), Wait("cement cure", 11.0), Measure("CT: cement, screws, joint")]
    names = [
        "sciatic nerve",
        "superior gluteal vessels",
        "external iliac vessels",
        "bladder",
        "hip joint",
        "bowel",
    ]
    plan = Plan(
        "tripod", "cemented_screws", "cryoablation, three screws in a tripod about the roof, cement", "L1",
        tuple(Step(n, act, why="the reason of this step in a few words") for n, act in enumerate(acts, 1)),
        clearances=tuple(_gap(name, 4.0 + n) for n, name in enumerate(names)),
        short_title="tripod screws + cold + cement",
    )  # fmt: skip
    return Option(plan, "plan", "ranked")


@cache
def _page(option: Option) -> bytes:
    return render_sheet(_asked(option))


def _text(pdf: bytes) -> str:
    (page,) = pypdf.PdfReader(io.BytesIO(pdf)).pages
    return " ".join(page.extract_text().replace("\u00a0", " ").split())


@pytest.mark.parametrize("option", [_one_needle, _everything])
def test_a_plan_of_any_size_fits_on_one_page(option: object) -> None:
    pdf = _page(option())  # type: ignore[operator]
    assert len(pypdf.PdfReader(io.BytesIO(pdf)).pages) == page_count(pdf) == 1


def test_pages_are_counted_as_a_pdf_reader_counts_them() -> None:
    writer = pypdf.PdfWriter()
    for _ in range(3):
        writer.add_blank_page(100, 100)
    target = io.BytesIO()
    writer.write(target)
    assert page_count(target.getvalue()) == 3


def test_the_page_is_a4_and_no_letter_is_below_11_points() -> None:
    (page,) = pypdf.PdfReader(io.BytesIO(_page(_one_needle()))).pages
    assert [float(x) for x in page.mediabox[2:]] == pytest.approx([595.28, 841.89], abs=0.1)
    sizes = set()

    def note(text: str, cm: list[float], tm: list[float], font: object, size: float) -> None:
        if text.strip():
            sizes.add(round(size * abs(tm[3] * cm[3]), 2))

    page.extract_text(visitor_text=note)
    assert min(sizes) >= TEXT_PT - 0.05
    assert max(sizes) == pytest.approx(24.0, abs=0.05)


def test_the_page_says_what_the_room_must_know() -> None:
    text = _text(_page(_one_needle()))
    for words in (
        "LEFT · T12", "level NOT confirmed", "PRONE", "Organs move: confirm on the procedural CT",
        "scanned supine, treated prone", "Research use only", "LESION SIMULATED", "3.8 mL", "STOP IF",
        "spinal canal", "2.2 mm", "thermocouple none planned", "dissection none planned", "NEAR", "LAY OUT",
        "1 × vertebroplasty cannula, 13 gauge, 150 mm long",
        "Fixture: numbers invented for tests.",
        "wait 11 min: cement cure", "take out ①",
    ):  # fmt: skip
        assert words in text, words


def test_screws_energy_thermocouple_and_gas_stand_on_the_page() -> None:
    text = _text(_page(_everything()))
    for words in (
        "screw 7.0 × 45 mm", "freeze 0–10", "28 min", "temperature at the sciatic nerve", "60 mL gas",
        "argon cryoprobe, 2.4 mm, cold", "8.0 mL", "K-wire 2.0 mm", "ice reaches nerve",
        "guide wire moves on", "LEFT + RIGHT",
    ):  # fmt: skip
        assert words in text, words


def test_a_protocol_is_told_by_its_ways_its_segments_and_a_clock_that_adds_up() -> None:
    sheet = sheet_view(_asked(_everything()))
    lines = {line.label: line.text for line in sheet.materials}
    assert lines["clock"] == "freeze 0–10, thaw 10–18, freeze 18–28 min; wall at −75 °C [unverified]"
    assert "through ①: argon cryoprobe, 2.4 mm, cold: 28 min by the clock" in sheet.steps[3]
    assert any("stuck" in line for line in sheet.stops)
    assert not any("impedance" in line for line in sheet.stops), "that is about heat"


def test_two_probes_that_run_together_are_one_step_through_two_ways() -> None:
    option = _one_needle()
    first = option.plan.steps[0].act
    entry, tip = ((x + 20.0, y, z) for x, y, z in (first.entry_mm, first.target_mm))  # type: ignore[union-attr]
    heat = Deliver(
        "generic_rf",
        "rf_bipolar",
        (Segment(450.0, power_W=15.0, set_degC=90.0),),
        (first.target_mm, tip),
        (1, 2),  # type: ignore[union-attr]
    )
    steps = (Step(1, first), Step(2, Place("cannula_13g", entry, tip)), Step(3, heat))
    asked = _asked(replace(option, plan=replace(option.plan, steps=steps)))
    sheet = sheet_view(asked)
    told = "through ①, ②: 2 probes, each generic rf, bipolar radiofrequency: 7.5 min by the clock"
    assert sheet.steps[-1] == told
    (clock,) = (line.text for line in sheet.materials if line.label == "clock")
    assert clock == "on 0–7.5 min; 15 W at most, hottest tissue at 90 °C"
    assert any("impedance" in line for line in sheet_view(asked).stops)


def test_steps_keep_the_order_of_the_plan() -> None:
    steps = sheet_view(_asked(_one_needle())).steps
    assert [step.split()[0] for step in steps] == ["place", "check", "through", "wait", "take"]


def test_lengths_are_those_of_the_two_ends() -> None:
    entry, tip = needle(plan_result().reading.anatomy, 1.0)
    lines = {line.label: line.text for line in sheet_view(_asked(_one_needle())).paths[0].lines}
    assert lines["skin to tip"] == f"{np.linalg.norm(np.subtract(entry, tip)):.0f} mm"


def test_an_option_that_is_not_to_be_done_says_so_first() -> None:
    bad = replace(_one_needle(), status="infeasible", reasons=(Reason("1.1 mm from the canal, 2 needed"),))
    assert sheet_view(_asked(bad)).alarms[0] == (
        "NOT TO BE CARRIED OUT: does not fit: 1.1 mm from the canal, 2 needed"
    )


def test_an_unknown_scan_position_is_an_alarm_and_the_same_one_is_none() -> None:
    same = replace(_case(), procedure={"position": "prone", "scan_position": "prone"})
    none = replace(_case(), procedure={"position": "prone"})
    assert not any("Organs" in alarm for alarm in sheet_view(_asked(_one_needle(), same)).alarms)
    assert any("position not stated" in alarm for alarm in sheet_view(_asked(_one_needle(), none)).alarms)


def test_a_way_named_after_one_side_and_entered_from_the_other_is_an_alarm() -> None:
    steps = list(_one_needle().plan.steps)
    entry, tip = needle(plan_result().reading.anatomy, -1.0)
    steps[0] = replace(steps[0], act=Place("cannula_13g", entry, tip, through="pedicle_left"))
    crossed = replace(_one_needle(), plan=replace(_one_needle().plan, steps=tuple(steps)))
    assert "① goes through the left pedicle from the right" in sheet_view(_asked(crossed)).alarms


def test_what_a_user_typed_is_text_and_no_markup() -> None:
    rude = replace(_one_needle(), plan=replace(_one_needle().plan, title=NASTY + " #panic() $x$ *b*"))
    assert "#panic() $x$ *b*" in _text(render_sheet(_asked(rude)))


def test_a_structure_that_nobody_labelled_is_unchecked() -> None:
    result = plan_result()
    anatomy = replace(result.reading.anatomy, structures=result.reading.anatomy.of_kind("canal"))
    sheet = sheet_view(replace(_asked(_one_needle()), anatomy=anatomy))
    assert {"vessel", "pleura", "nerve"} <= set(sheet.unchecked)


def test_the_same_plan_gives_the_same_bytes() -> None:
    assert _page(_one_needle()) == render_sheet(_asked(_one_needle()))


@pytest.mark.parametrize(
    ("outward", "in_plane", "tip_to", "tilt", "points_to", "view"),
    [
        ((0.0, 1.0, 0.0), 0.0, "", 0.0, "", "straight, detector behind"),
        ((1.0, 1.0, 0.0), 45.0, "right", 0.0, "", "LAO 45°, detector behind"),
        ((-1.0, -1.0, 0.0), 45.0, "left", 0.0, "", "RAO 45°, detector in front"),
        ((0.0, 1.0, 1.0), 0.0, "", 45.0, "feet", "CRA 45°, detector behind"),
        ((0.0, -np.sqrt(3.0), -1.0), 0.0, "", 30.0, "head", "CAU 30°, detector in front"),
    ],
)
def test_angles_say_where_the_tip_goes(
    outward: Point, in_plane: float, tip_to: str, tilt: float, points_to: str, view: str
) -> None:
    tip = np.array([12.0, -3.0, 40.0])
    found = angles(tuple(tip + 55.0 * np.array(outward)), tuple(tip))
    assert (found.in_plane_deg, found.cranio_caudal_deg) == pytest.approx((in_plane, tilt))
    assert (found.tip_to, found.points_to, found.view) == (tip_to, points_to, view)


@pytest.mark.parametrize("grid", ["straight", "oblique", "left_handed"])
def test_the_midline_is_the_mirror_plane_of_the_vertebra_along_the_patients_own_left(grid: str) -> None:
    anatomy = vertebra(grid)  # type: ignore[arg-type]
    on_it = anatomy.frame.world((0.0, 70.0, 5.0))
    entry = on_it + np.array([-33.0, 0.0, 0.0])
    found = midline(_case(), anatomy, tuple(entry), lambda at_mm: None)
    assert found.offset_mm == pytest.approx(-33.0)
    assert found.side == "right"


def test_without_bones_the_midline_is_the_middle_of_the_body_in_that_slice() -> None:
    array = np.full((120, 90, 6), -1000.0)
    array[20:95, 10:80] = 40.0
    affine = np.diag([-3.4, 1.5, 3.0, 1.0])
    affine[:3, 3] = (100.0, -60.0, -9.0)
    ct = Volume(array, affine, "HU")
    anatomy = replace(
        plan_result().reading.anatomy, frame=replace(plan_result().reading.anatomy.frame, kind="hemipelvis")
    )
    middle = 100.0 - 3.4 * (20 + 94) / 2

    def told(ct: Volume, x_mm: float) -> Midline | None:
        case = replace(_case(), ct=ct, labels=None)
        return midline(case, anatomy, (x_mm, 0.0, 0.0), lambda at_mm: flanks(ct, at_mm).middle_mm)

    found = told(ct, middle + 41.0)
    assert found is not None
    assert found.offset_mm == pytest.approx(41.0)
    assert "middle of the body" in found.words
    # of one limb, or where the image ends in the body, no midline is told
    assert told(replace(ct, affine=np.diag([0.5, 1, 1, 1]) @ affine), middle) is None
    assert told(ct.crop((30, 0, 0), (120, 90, 6)), middle) is None


@pytest.mark.parametrize(("flip", "number"), [(1.0, 3), (-1.0, 18)])
def test_images_are_counted_from_the_feet_whatever_way_the_file_runs(flip: float, number: int) -> None:
    affine = np.diag([1.0, 1.0, 2.5 * flip, 1.0])
    affine[2, 3] = -100.0 if flip > 0 else 0.0
    ct = Volume(np.zeros((4, 4, 20)), affine, "HU")
    at = (0.0, 0.0, float(ct.positions_mm((0, 0, 2))[2]))
    assert f"image {number} of 20" in slice_words(ct, at)


def test_skin_to_bone_ends_at_the_first_bone_on_the_way() -> None:
    anatomy = vertebra("straight")
    mask = np.zeros_like(anatomy.bone_mask)
    mask[:, 40:, :] = True
    plain = replace(anatomy, bone_mask=mask)
    edge = anatomy.image.positions_mm((75, 39.5, 15))
    entry, tip = tuple(edge - np.array([0.0, 30.0, 0.0])), tuple(edge + np.array([0.0, 20.0, 0.0]))
    assert skin_to_bone_mm(plain, entry, tip) == pytest.approx(30.0, abs=0.25)  # type: ignore[arg-type]


def test_an_option_of_plan_json_is_the_noun_that_it_was() -> None:
    result = plan_result()
    result = changed(result, options=(_one_needle(), _everything(), *result.simulations.options))
    document = json.loads(json.dumps(plan_document(result, case_folder="case")))
    for option, written in zip(result.simulations.options, document["options"], strict=True):
        back = option_noun(written)
        assert back.plan.steps == option.plan.steps
        assert [asdict(e) | {"draws": None} for e in back.outcomes] == [
            asdict(e) | {"draws": None} for e in option.outcomes
        ]


def test_an_act_of_another_version_is_refused_in_one_line() -> None:
    document = plan_document(plan_result(), case_folder="case")["options"][0]
    document["steps"][0]["act"] = "beam"
    with pytest.raises(BadInput, match="no act of this version"):
        option_noun(document)


@pytest.fixture
def planned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A plan on disk beside a folder that stands for its case."""
    result = plan_result()
    result = changed(result, options=(_one_needle(), *result.simulations.options))
    (tmp_path / "case").mkdir()
    (tmp_path / "case" / "case.yaml").write_text("id: x\n")
    write_plan(plan_document(result, case_folder="case"), tmp_path / "plan.json")
    reading = type("Reading", (), {"case": _case(), "anatomy": result.reading.anatomy})
    monkeypatch.setattr(workflow, "read", lambda folder, **_: reading)
    monkeypatch.setattr(workflow, "input_digests", lambda folder: dict(result.stamp.inputs))
    monkeypatch.setattr(workflow, "render_sheet", lambda asked: _page(asked.option))
    return tmp_path / "plan.json"


def test_a_sheet_is_made_and_the_same_one_is_not_written_twice(planned: Path) -> None:
    made = workflow.sheet(planned, "vp_left")
    out = planned.parent / "papers" / "sheet.pdf"
    assert workflow.write_paper(made.pdf, out)
    assert not workflow.write_paper(made.pdf, out)
    assert made.says["side"] == "LEFT"
    out.write_bytes(b"other")
    with pytest.raises(AlreadyExists, match="--force"):
        workflow.write_paper(made.pdf, out)


def test_an_unknown_option_is_told_its_neighbour(planned: Path) -> None:
    with pytest.raises(UnknownName, match="did you mean 'vp_left'"):
        workflow.sheet(planned, "vp_lefft")


def test_an_option_without_steps_has_no_sheet(planned: Path) -> None:
    with pytest.raises(BadInput, match="no step to carry out"):
        workflow.sheet(planned, "best_supportive_care")


def test_a_case_that_changed_or_moved_is_refused(planned: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workflow, "input_digests", lambda folder: {"ct": "else"})
    with pytest.raises(BadInput, match="ct changed since the plan was made"):
        workflow.sheet(planned, "vp_left")
    (planned.parent / "case" / "case.yaml").unlink()
    with pytest.raises(BadInput, match="--case"):
        workflow.sheet(planned, "vp_left")


def test_the_document_for_programs_is_plain_json() -> None:
    document = json.loads(json.dumps(sheet_document(_asked(_one_needle()))))
    assert document["near"][0]["structure"] == "bone left around it"
