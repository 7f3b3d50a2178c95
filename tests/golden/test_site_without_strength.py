"""A bone whose strength is not modelled, from the shell to the page: ways, cement and choice all the same."""

from __future__ import annotations

import json

import pytest

from osteoplan.anatomy.phantom import make_phantom
from osteoplan.cli import main
from osteoplan.errors import BadInput
from osteoplan.io.nifti import write_nifti
from osteoplan.workflow import rooms

BESIDE_GLENOID = "138.5,30.5,-177"  # the thickest place of this phantom's scapula


def run(*arguments):
    return main([str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def shoulder(tmp_path_factory):
    """A case folder without a lesion, and a cache of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OSTEOPLAN_CACHE", str(tmp_path_factory.mktemp("cache")))
        made = make_phantom("humerus", seed=4, side="left", spacing_mm=(3.0, 2.7, 3.4))
        folder = tmp_path_factory.mktemp("shoulder")
        write_nifti(made.ct, folder / "ct.nii.gz")
        write_nifti(made.labels.volume, folder / "labels.nii.gz")
        yield folder


def planned(shoulder, tmp_path, bone, centre, *more):
    """Exit status, ``plan.json`` and page of a lesion in one bone of the shoulder."""
    case, scan = tmp_path / "case", ("--calibration", "fixed", "--kvp", 120)
    assert (
        run("init", case, "--ct", shoulder / "ct.nii.gz", "--labels", shoulder / "labels.nii.gz", *scan) == 0
    )
    lesion = ("--bone", bone, "--side", "left", "--axes", "34,24,30", "--shape", "ellipsoid", *centre)
    assert run("simulate-lesion", case, *lesion) == 0
    status = run("plan", case, "--draws", 10, "--spacing", 3, *more)
    plan = json.loads((case / "plan" / "plan.json").read_text())
    return status, plan, (case / "plan" / "report.html").read_text()


def test_a_scapula_gets_ways_cement_and_the_choice(shoulder, tmp_path):
    status, plan, page = planned(shoulder, tmp_path, "scapula_left", ("--centre", BESIDE_GLENOID))
    assert status == 0
    cement = [one for one in plan["options"] if one["technique"] == "cementoplasty"]
    assert len(cement) == 3
    assert {one["status"] for one in cement} == {"ranked"}
    for one in cement:
        told = {
            outcome["id"]: outcome["value"] for outcome in one["outcomes"] if outcome["basis"] == "simulated"
        }
        assert told["cement_volume_mL"] == pytest.approx(6.14, rel=0.02)  # 54.8 % of the lesion
        assert "strength_ratio_to_intact" not in told
        assert any(gap["id"] == "breach_probability" for gap in one["clearances"])
    assert (plan["now"], plan["intact"], plan["comparison"]["ranking"]) == ([], [], [])
    assert plan["choice"]["placed"]
    assert any("strength of the left scapula is not simulated" in line for line in plan["warnings"])
    assert "strength: not modelled for this bone" in page
    said = {one["technique"]: one["not_simulated"] for one in plan["standings"]}
    # cement where it goes, heat and cold in what they do; each of the others says why nothing of it is
    assert {id for id, why in said.items() if not why} == {
        "cementoplasty", "cryoablation", "laser", "mwa", "rfa",
    }  # fmt: skip
    assert said["reinforced_cement"] == "no source that was read put wires and cement into this bone"
    assert said["best_supportive_care"].endswith("the strength of this bone is not modelled")


def test_an_option_whose_simulation_fails_is_told_and_so_does_the_exit_status(
    shoulder, tmp_path, monkeypatch
):
    def dry(*_, **__):
        raise BadInput("the cement has set: mix anew")

    monkeypatch.setattr(rooms, "fill", dry)
    status, plan, page = planned(shoulder, tmp_path, "scapula_left", ("--centre", "140,31,-180"))
    assert status == 3
    cement = [one for one in plan["options"] if one["technique"] == "cementoplasty"]
    assert {one["status"] for one in cement} == {"failed"}
    assert all(one["reasons"][-1]["text"] == "the cement has set: mix anew" for one in cement)
    said = {one["technique"]: one["not_simulated"] for one in plan["standings"]}
    assert said["cementoplasty"] == "its simulation failed: the cement has set: mix anew"
    assert "the cement has set" in page


def test_a_clavicle_has_the_rules_and_what_is_published(shoulder, tmp_path, capsys):
    status, plan, _ = planned(shoulder, tmp_path, "clavicle_left", ("--at", "centre"))
    assert status == 0
    assert "no technique of this version is planned for it" in capsys.readouterr().err
    assert {one["kind"] for one in plan["options"]} == {"comparator"}
    assert all(one["not_simulated"] for one in plan["standings"])
    said = {one["technique"]: one["not_simulated"] for one in plan["standings"]}
    assert said["cementoplasty"] == "no approach of this program reaches this bone with a needle"
