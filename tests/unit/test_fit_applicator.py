"""A probe fitted to charted zones: what made the chart comes back; rows left out say how far it carries."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from osteoplan.cli import main
from osteoplan.errors import BadInput, UnknownName
from osteoplan.knowledge.applicators import ZoneRow, applicator_of, applicators, load_applicators
from osteoplan.model.evidence import Known
from osteoplan.thermal.charted import ChartedZone, charted, fit_probe, zones_of
from osteoplan.workflow.fit_applicator import fit_applicators

ROW = """\
  - id: {id}
    device: {device}
    modality: mwa
    medium: liver outside the body
    organ: {organ}
    setting: ex vivo
    edge: isotherm
    isotherm_degC: 60
    start_temperature_degC: 20
    power_W: {power}
    time_min: 2
    width_mm: {width:.2f}
    length_mm: {length:.2f}
    document: made by the test
    status: unverified
    note: made by the test
"""
POWERS = (40.0, 60.0, 80.0)


def row(power: float, width: float = 20.0, length: float = 25.0, **more: object) -> ZoneRow:
    base = applicators().row("neuwave_pr_liver_65W_10min_chart").model_copy(
        update={
            "device": "generic_microwave", "setting": "ex vivo", "edge": "isotherm", "isotherm_degC": 60.0,
            "start_temperature_degC": 20.0, "power_W": power, "time_min": 2.0, "width_mm": width,
            "length_mm": length, "id": f"at_{power:g}_W",
        }
    )  # fmt: skip
    return base.model_copy(update=more)


@pytest.fixture(scope="module")
def truth() -> list[ChartedZone]:
    """Zones of a probe that gives tissue 55 % of its power over 20 mm."""
    probe = replace(applicator_of("generic_microwave"), efficiency=Known(0.55), active_mm=20.0)
    return zones_of(probe, [charted(row(power), probe) for power in POWERS])


def test_what_made_the_chart_comes_back_and_carries_to_the_row_that_was_left_out(
    truth: list[ChartedZone],
) -> None:
    probe = applicator_of("generic_microwave")
    rows = [
        charted(row(power, zone.width_mm, zone.length_mm), probe)
        for power, zone in zip(POWERS, truth, strict=True)
    ]
    fit = fit_probe(probe, rows)
    assert fit.numbers == 4
    assert list(fit.parameters) == [
        "efficiency",
        "active_mm",
    ]  # no row tells how far it reaches beyond the tip
    assert fit.parameters["efficiency"] == (pytest.approx(0.4), pytest.approx(0.55, abs=0.01))
    assert fit.parameters["active_mm"] == (14.0, pytest.approx(20.0, abs=0.5))
    assert fit.at_end == ()
    assert [one.row.id for one, _ in fit.left_out] == ["at_60_W"]
    assert np.abs(fit.misfit_mm(fit.left_out)).max() < 0.3
    assert fit.applicator.efficiency is not None
    assert fit.applicator.efficiency.low is None  # the range of the generic one is not the fitted one's


def test_no_more_is_fitted_than_is_charted_and_a_lone_row_tests_nothing() -> None:
    probe = applicator_of("generic_microwave")
    fit = fit_probe(probe, [charted(row(60.0, length=None), probe)])
    assert (fit.numbers, list(fit.parameters)) == (1, ["efficiency"])
    assert not fit.testable


def test_a_chart_that_the_model_cannot_make_ends_at_the_end_of_what_is_tried() -> None:
    probe = applicator_of("generic_microwave")
    fit = fit_probe(probe, [charted(row(5.0, 60.0, None), probe)])
    assert fit.at_end == ("efficiency",)


def test_an_even_medium_makes_what_was_measured_of_one_cold_probe_within_the_walls_range() -> None:
    """12 mm inside -30 degC after 15 min at 39 degC was measured; the coldest wall makes far more."""
    probe = applicator_of("generic_cryoprobe_2_4mm")
    measured = applicators().row("cryo_2_4mm_phantom_minus30_x1").model_copy(update={"tissue": "gel"})
    one = charted(measured, probe)
    assert probe.wall_degC is not None
    made = [
        zones_of(replace(probe, wall_degC=Known(wall)), [one])[0].width_mm for wall in probe.wall_degC.range
    ]
    assert made[0] > 1.5 * measured.width_mm
    assert made[1] == pytest.approx(measured.width_mm, abs=1.5)


def test_of_a_generator_whose_field_is_solved_nothing_is_fitted_and_every_row_is_held_against_it() -> None:
    probe = applicator_of("generic_rf_bipolar_20mm")
    rows = [
        charted(row(0.0, id=f"for_{m}_min", modality="rfa", power_W=None, time_min=m), probe)
        for m in (1.0, 2.0)
    ]
    assert rows[0].taken_for == ("70 degC held",)
    fit = fit_probe(probe, rows)
    assert (fit.applicator, fit.parameters) == (probe, {})
    (shorter,), (longer,) = fit.used, fit.left_out
    assert 0.0 < shorter[1].width_mm < longer[1].width_mm < 20.0


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"modality": "cryo"}, "a zone of 'cryo', and the probe brings 'microwave'"),
        ({"probes": 2}, "several probes together"),
        (
            {"organ": "not stated"},
            "none of data/tissues: name what it is like by 'tissue: ...' .*gel, kidney",
        ),
        ({"power_W": None}, "no power is told"),
        ({"power_W": 400.0}, "400 W is outside its 5 to 150 W"),
    ],
)
def test_why_a_row_cannot_be_used_is_told(changed: dict[str, object], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        charted(row(60.0, **changed), applicator_of("generic_microwave"))


def test_what_a_row_does_not_tell_is_taken_for_granted_in_words() -> None:
    probe = applicator_of("generic_microwave")
    chart = applicators().row("neuwave_kidney_65W_5min")
    assert charted(chart, probe).taken_for == ("start at 37 degC", "no perfusion", "edge by CEM43 of 240 min")
    living = applicators().row("neuwave_pr_liver_65W_10min_measured")
    assert charted(living, probe).perfused
    assert charted(living, probe).taken_for == ("edge by CEM43 of 240 min",)


@pytest.fixture
def file(tmp_path: Path, truth: list[ChartedZone]) -> Path:
    path = tmp_path / "zones.yaml"
    rows = [
        ROW.format(
            id=f"at_{power:g}_W", device="generic_microwave", organ="liver", power=power, width=zone.width_mm,
            length=zone.length_mm,
        )
        for power, zone in zip(POWERS, truth, strict=True)
    ]  # fmt: skip
    rows.append(
        ROW.format(
            id="in_what", device="generic_microwave", organ="not stated", power=60, width=20, length=20
        )
    )
    rows.append(
        ROW.format(id="whose", device="microwave_emprint", organ="liver", power=60, width=20, length=20)
    )
    path.write_text("date: 2026-12-01\nzones:\n" + "".join(rows), encoding="utf-8")
    return path


def test_the_command_prints_the_fit_the_misfit_and_what_was_not_used(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["knowledge", "fit-applicator", str(file)]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "2 parameters fitted to 4 numbers" in told
    assert "on rows left out the model is off by" in told
    assert "unverified; charted in liver: nothing of it was measured in bone" in told
    assert "not used in_what: 'liver outside the body' is none of data/tissues" in told
    assert "not fitted: Emprint microwave antenna: no row tells its energy" in told


def test_the_command_tells_the_same_as_json_and_ends_with_3_where_nothing_was_fitted(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["knowledge", "fit-applicator", str(file), "--device", "microwave_emprint", "--json"]) == 3
    (probe,) = json.loads(capsys.readouterr().out)["probes"]
    assert probe["fitted"] is None
    assert "no row tells its energy" in probe["why_not"]
    with pytest.raises(UnknownName, match="unknown probe 'emprint'"):
        fit_applicators(file, "emprint")


def test_a_medium_that_nobody_knows_is_refused_with_its_line(file: Path) -> None:
    text = file.read_text(encoding="utf-8").replace(
        "    organ: liver\n", "    organ: liver\n    tissue: lver\n", 1
    )
    file.write_text(text, encoding="utf-8")
    with pytest.raises(BadInput, match=r"zones.yaml:\d+: .*unknown tissue 'lver'.*did you mean 'liver'"):
        load_applicators(file)
