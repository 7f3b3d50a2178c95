"""From what a hospital has to a checked case, from the shell: DICOM, contours, other bones, refusals."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml

from osteoplan.cli import main
from osteoplan.io.nifti import read_nifti
from osteoplan.workflow.explain import explain
from osteoplan.workflow.options import options
from osteoplan.workflow.read import read


def run(*arguments):
    return main([str(argument) for argument in arguments])


def sarcoma(data, name):
    folder = data / "sarcoma_near_bone" / name / "CT"
    return folder / "image", folder / "mask" / "RS.dcm"


@pytest.fixture(scope="module")
def pelvis(data, tmp_path_factory):
    """A case of the left hip bone in the real pelvis scan, with a simulated lesion above the socket."""
    folder, source = tmp_path_factory.mktemp("pelvis") / "case", data / "pelvis_hip"
    labels = ("--labels", source / "example_seg_fast_force_split.nii.gz")
    assert run("init", folder, "--ct", source / "example_ct.nii.gz", *labels) == 0
    lesion = ("--bone", "hemipelvis_left", "--side", "left", "--at", "centre", "--axes", "30,25,28")
    assert run("simulate-lesion", folder, *lesion) == 0
    return folder


def test_a_dicom_folder_and_a_contour_become_a_case_without_a_name(data, tmp_path, capsys):
    ct, contours = sarcoma(data, "STS_007")
    part = ("--part", "GTV_Mass_CT", "--bone", "hemipelvis_left", "--side", "left")
    assert run("init", tmp_path / "case", "--ct", ct, "--lesion", contours, *part) == 0
    mask = read_nifti(tmp_path / "case" / "lesion_L1.nii.gz", "mask")
    assert mask.array.sum() * mask.voxel_volume_mm3 / 1000.0 == pytest.approx(544.0, rel=0.01)
    document = yaml.safe_load((tmp_path / "case" / "case.yaml").read_text())
    assert document["images"]["calibration"] == {"kind": "internal"}
    for path in (tmp_path / "case").glob("*.json"):
        assert "STS" not in path.read_text()
    capsys.readouterr()
    assert run("check", tmp_path / "case", "--json") == 3
    found = json.loads(capsys.readouterr().out)
    assert not found["complete"]
    missing = {need["what"]: need["todo"] for need in found["needs"] if need["state"] == "missing"}
    assert "--seed" in missing["the bone, by label or seed"]
    assert (tmp_path / "case" / "check.html").exists()


def test_a_mask_drawn_on_another_study_is_refused_by_its_frame(data, tmp_path, capsys):
    ct, _ = sarcoma(data, "STS_007")
    _, other = sarcoma(data, "STS_018")
    part = ("--part", "GTV_Mass_CT", "--bone", "hemipelvis_left", "--side", "left")
    assert run("init", tmp_path / "case", "--ct", ct, "--lesion", other, *part) == 2
    said = capsys.readouterr().err
    assert "frame" in said
    assert not (tmp_path / "case").exists()


def test_a_dicom_folder_is_listed_series_by_series(data, capsys):
    assert run("check", data / "dicom_oddities" / "gantry_tilt_4slices", "--json") == 0
    series = json.loads(capsys.readouterr().out)["series"]
    assert any("tilt" in one["reason"] for one in series)
    assert run("check", data / "dicom_oddities" / "gantry_tilt_4slices") == 0
    assert "verdict" in capsys.readouterr().out


@pytest.mark.slow
def test_another_bone_is_measured_and_planned_beside_its_comparators(pelvis, capsys):
    assert run("check", pelvis, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    measured = {finding["name"]: finding for finding in found["findings"]}
    truth = json.loads((pelvis / "truth_L1.json").read_text())
    assert measured["lesion_volume_mL"]["value"] == pytest.approx(truth["volume_mL"], rel=0.02)
    assert measured["region"]["value"] == "acetabulum"
    assert {"nerve_mm", "joint_mm", "skin_mm"} <= set(measured)
    assert set(found["frames"]) == {"hemipelvis", "acetabulum"}
    page = (pelvis / "check.html").read_text()
    assert "greater sciatic notch" in page
    assert "lesion simulated" in page
    reading = read(pelvis)
    found = options(reading, explain(reading))
    planned = {option.plan.technique for option in found if option.kind == "plan"}
    assert planned == {
        "percutaneous_screws", "cemented_screws", "cementoplasty", "reinforced_cement", "rfa", "mwa",
        "cryoablation", "laser", "ablation_with_stabilisation",
    }  # fmt: skip
    assert "arthroplasty" in {option.plan.technique for option in found if option.kind == "comparator"}
    assert not any("level" in warning for warning in reading.anatomy.warnings)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"side": "right"}, "side is right, but hemipelvis_left is on the left"),
        ({"bone": "hemipelvis_right", "side": "right"}, "0 % of it lies in hemipelvis_right"),
        ({"bone": "hemipelvis"}, "did you mean 'hemipelvis_"),
        ({"bone": "humerus_left", "side": "left"}, "not labelled"),
    ],
)
@pytest.mark.slow
def test_side_and_bone_must_agree_with_the_scan(pelvis, tmp_path, capsys, changes, words):
    case = tmp_path / "case"
    shutil.copytree(pelvis, case)
    document = yaml.safe_load((case / "case.yaml").read_text())
    document["lesions"][0].update(changes)
    (case / "case.yaml").write_text(yaml.safe_dump(document))
    assert run("check", case) == 2
    assert words in " ".join(capsys.readouterr().err.split())


@pytest.mark.slow
def test_a_mirrored_scan_is_caught_by_the_shape_of_its_bones(pelvis, tmp_path, capsys):
    case = tmp_path / "case"
    shutil.copytree(pelvis, case)
    labels = read_nifti(case / "labels.nii.gz", "label")
    names = {77: 78, 78: 77, 75: 76, 76: 75}  # left and right hips and femora called each other's names
    swapped = labels.array.copy()
    for old, new in names.items():
        swapped[labels.array == old] = new
    write(case / "labels.nii.gz", labels.with_array(swapped))
    document = yaml.safe_load((case / "case.yaml").read_text())
    document["lesions"][0].update({"bone": "hemipelvis_right", "side": "right"})
    (case / "case.yaml").write_text(yaml.safe_dump(document))
    assert run("check", case) == 2
    assert "hemipelvis_right" in capsys.readouterr().err


def write(path: Path, volume) -> None:
    from osteoplan.io.nifti import write_nifti

    write_nifti(volume, path)


@pytest.mark.slow
def test_a_second_lesion_joins_the_first_and_both_are_compared_with_the_scan_before(pelvis, tmp_path):
    case = tmp_path / "case"
    shutil.copytree(pelvis, case)
    second = ("--bone", "femur_right", "--side", "right", "--at", "centre", "--axes", "18,18,18")
    assert run("simulate-lesion", case, *second, "--id", "L1") == 2
    assert run("simulate-lesion", case, *second, "--id", "L2") == 0
    document = yaml.safe_load((case / "case.yaml").read_text())
    assert [lesion["id"] for lesion in document["lesions"]] == ["L2", "L1"]
    assert document["images"]["ct_before"] == "ct.nii.gz"
    before, both = (read_nifti(case / name, "HU").array for name in ("ct.nii.gz", "ct_L2.nii.gz"))
    for id in ("L1", "L2"):
        mask = read_nifti(case / f"lesion_{id}.nii.gz", "mask").array > 0
        assert np.abs(both[mask].astype(int) - before[mask]).mean() > 50


def test_a_registered_mr_tells_its_residual(data, tmp_path, capsys):
    source = data / "thoracic_dicom" / "lidc0314_lower_thoracic_crop.nii.gz"
    scan = read_nifti(source, "HU").crop([20, 20, 20], [120, 120, 90])
    moved = np.eye(4)
    moved[:3, 3] = (4.0, -3.0, 2.0)
    signal = 400.0 * np.exp(-(((scan.array + 90.0) / 120.0) ** 2))
    other = type(scan)(signal.astype(np.float32), moved @ scan.affine, "MR", "mr")
    write(tmp_path / "scan.nii.gz", scan)
    write(tmp_path / "mr.nii.gz", other)
    told = ("init", tmp_path / "case", "--ct", tmp_path / "scan.nii.gz", "--mr", tmp_path / "mr.nii.gz")
    assert run(*told) == 2
    assert "--register" in capsys.readouterr().err
    assert run(*told, "--register") == 0
    entry = yaml.safe_load((tmp_path / "case" / "case.yaml").read_text())["images"]["mr"][0]
    assert entry["residual_mm"] < 1.0
    assert np.allclose(np.array(entry["matrix"])[:3, 3], (-4.0, 3.0, -2.0), atol=1.0)
