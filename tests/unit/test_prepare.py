"""Making a case folder: the whole of it, or nothing."""

import numpy as np
import pytest
import yaml

from osteoplan.cli import main
from osteoplan.io.nifti import write_nifti
from osteoplan.model.volume import Volume
from tests.ct_made import body_HU
from tests.unit.test_calibration_phantom import GRIDS, made_scan
from tests.unit.test_volume import affine

SHAPE = (20, 16, 12)


@pytest.fixture
def images(tmp_path):
    ct = Volume(body_HU(SHAPE), affine(), "HU")
    write_nifti(ct, tmp_path / "scan.nii.gz")
    write_nifti(ct.with_array(np.full(SHAPE, 32, np.uint8), "label"), tmp_path / "seg.nii.gz")
    other = Volume(np.full(SHAPE, 32, np.uint8), affine(flip=(1, -1, 1)), "label")
    write_nifti(other, tmp_path / "mirrored.nii.gz")
    centre = ct.positions_mm((10, 8, 6))
    return tmp_path, ",".join(f"{x:.3f}" for x in centre)


def init(folder, *arguments):
    if "--kvp" not in arguments:
        arguments = (*arguments, "--kvp", 120)
    return main(["init", str(folder / "case"), "--ct", str(folder / "scan.nii.gz"), *map(str, arguments)])


def test_a_case_with_an_ellipsoid_is_made_and_can_be_read_back(images):
    folder, centre = images
    lesion = ("--ellipsoid", f"{centre},6,6,8", "--bone", "vertebra_T12", "--side", "midline")
    assert init(folder, "--labels", folder / "seg.nii.gz", *lesion) == 0
    case = yaml.safe_load((folder / "case" / "case.yaml").read_text())
    assert case["images"]["labels"] == {"file": "labels.nii.gz", "scheme": "totalsegmentator"}
    assert case["lesions"][0]["level_confirmed"] is False


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--ellipsoid", "900,900,900,6,6,8", "--bone", "vertebra_T12", "--side", "left"], "mask is empty"),
        (["--ellipsoid", "0,0,0,6,6,8"], "needs --bone"),
        (
            ["--ellipsoid", "0,0,0,6,-6,8", "--bone", "vertebra_T12", "--side", "left"],
            "three positive diameters",
        ),
        (["--ellipsoid", "1,2"], "takes 6 numbers"),
        (["--labels", "MIRRORED"], "is on another grid"),
        (["--labels", "nowhere.nii.gz"], "no such file"),
        (["--names", "names.csv"], "--names says how --labels is read: give --labels too"),
        (["--part", "GTV"], "--part says how --lesion is read"),
        (["--register"], "--register says how --mr is read"),
        (["--phantom", "qrn"], "did you mean 'qrm'"),
        (["--calibration", "phantom"], "which one?"),
        (["--calibration", "phantom", "--phantom", "qrm", "--rods", "1,2,3"], "rods, in the phantom's order"),
        (["--calibration", "internal", "--rods", "1,2,3"], "unknown key"),
        (["--kvp", "120", "--rods", "1,2,3"], "unknown key"),
        (["--calibration", "fixed", "--kvp", "77"], "no prior is known for kvp 77"),
    ],
)
def test_what_cannot_be_a_case_leaves_nothing_behind(images, capsys, arguments, words):
    folder, _ = images
    arguments = [str(folder / "mirrored.nii.gz") if a == "MIRRORED" else a for a in arguments]
    before = sorted(path.name for path in folder.iterdir())
    assert init(folder, *arguments) == 2
    assert words in capsys.readouterr().err
    assert sorted(path.name for path in folder.iterdir()) == before


def test_a_case_made_where_one_stands_is_called_like_the_folder(images, monkeypatch):
    folder, _ = images
    (folder / "here").mkdir()
    monkeypatch.chdir(folder / "here")
    assert main(["init", ".", "--ct", str(folder / "scan.nii.gz")]) == 0
    assert yaml.safe_load((folder / "here" / "case.yaml").read_text())["id"] == "here"


def test_an_existing_case_is_replaced_only_by_force(images, capsys):
    folder, _ = images
    assert init(folder) == 0
    assert init(folder, "--kvp", "100") == 2
    assert "--force" in capsys.readouterr().err
    assert yaml.safe_load((folder / "case" / "case.yaml").read_text())["images"]["calibration"]["kvp"] == 120
    assert init(folder, "--kvp", "100", "--force") == 0
    assert yaml.safe_load((folder / "case" / "case.yaml").read_text())["images"]["calibration"]["kvp"] == 100


def test_a_tube_voltage_that_nobody_recorded_is_asked_for(images, capsys):
    folder, _ = images
    scan = ["init", str(folder / "case"), "--ct", str(folder / "scan.nii.gz")]
    assert main([*scan, "--calibration", "fixed"]) == 2
    assert "add --kvp" in capsys.readouterr().err
    assert not (folder / "case").exists()
    assert main(scan) == 0
    document = yaml.safe_load((folder / "case" / "case.yaml").read_text())
    assert document["images"]["calibration"] == {"kind": "internal"}


def test_what_a_file_header_says_of_a_person_stays_behind(images):
    import nibabel as nib

    folder, _ = images
    image = nib.load(folder / "scan.nii.gz")
    image.header["descrip"] = b"DOE^JANE 1961-02-03"
    image.header["intent_name"] = b"DOE JANE"
    image.header.extensions.append(nib.nifti1.Nifti1Extension("comment", b"DOE^JANE"))
    nib.save(image, folder / "DOE_JANE.nii.gz")
    arguments = ["init", str(folder / "case"), "--ct", str(folder / "DOE_JANE.nii.gz"), "--kvp", "120"]
    assert main(arguments) == 0
    import gzip

    for path in (folder / "case").iterdir():
        content = path.read_bytes()
        content = gzip.decompress(content) + content if path.suffix == ".gz" else content
        assert b"DOE" not in content, path.name
        assert "DOE" not in path.name


def density(folder, *arguments):
    assert main(["init", str(folder / "case"), "--ct", str(folder / "scan.nii.gz"), *arguments]) == 0
    return yaml.safe_load((folder / "case" / "case.yaml").read_text())["images"]["calibration"]


def test_a_tube_voltage_given_to_help_does_not_cost_the_newtons(tmp_path, capsys):
    image = made_scan(GRIDS["oblique"])
    write_nifti(image.with_array(image.array.round().astype(np.int16)), tmp_path / "scan.nii.gz")
    assert density(tmp_path, "--kvp", "120") == {"kind": "internal", "kvp": 120.0}
    assert "prior of 120 kV" not in capsys.readouterr().out


def test_where_no_tissue_serves_the_prior_of_the_tube_voltage_is_taken_and_told(images, capsys):
    folder, _ = images
    assert density(folder, "--kvp", "120") == {"kind": "fixed", "kvp": 120.0}
    said = " ".join(capsys.readouterr().out.split())
    assert "the prior of 120 kV stands for density (ratios, no newtons)" in said


def test_a_calibration_that_is_named_is_kept_whatever_the_tube_voltage(images):
    folder, _ = images
    named = ("--calibration", "fixed", "--kvp", "120")
    assert density(folder, *named) == {"kind": "fixed", "kvp": 120.0}
