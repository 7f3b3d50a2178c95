"""A point in LPS, RAS or voxel indices is the same place, on any grid."""

import nibabel as nib
import numpy as np
import pytest
import yaml

from osteoplan.cli import main
from osteoplan.errors import BadInput
from osteoplan.io.nifti import read_nifti
from osteoplan.model.spot import Spot
from osteoplan.model.volume import Volume
from tests.ct_made import body_HU
from tests.unit.test_volume import FLIPS, affine

SHAPE = (20, 16, 12)


@pytest.mark.parametrize("flip", FLIPS)
def test_voxel_ras_and_lps_name_one_place_on_any_grid(flip):
    ct = Volume(np.zeros(SHAPE), affine(flip=flip), "HU")
    x, y, z = at = ct.positions_mm((4, 7, 9))
    assert Spot((4, 7, 9), "ijk").on(ct) == pytest.approx(at, abs=1e-3)
    assert Spot((-x, -y, z), "ras").on(ct) == pytest.approx(at)
    assert Spot((x, y, z)).on(ct) == pytest.approx(at)


@pytest.mark.parametrize("at", [(20, 0, 0), (0, -1, 0), (0, 0, 12)])
def test_a_voxel_that_the_scan_does_not_have_is_refused_with_its_size(at):
    with pytest.raises(BadInput, match="20 x 16 x 12 voxels, counted from 0"):
        Spot(at, "ijk").on(Volume(np.zeros(SHAPE), affine(), "HU"))


@pytest.fixture
def scan(tmp_path):
    """Written by another program: RAS affine of an oblique left-handed grid."""
    lps = affine(flip=(1, -1, 1))
    nib.save(nib.Nifti1Image(body_HU(SHAPE).astype(np.int16), np.diag([-1, -1, 1, 1]) @ lps),
             tmp_path / "scan.nii.gz")  # fmt: skip
    return tmp_path / "scan.nii.gz", lps


@pytest.mark.parametrize("system", ["", "lps:", "LPS:", "ras:", "ijk:"])
def test_init_takes_the_centre_of_an_ellipsoid_in_any_system(scan, tmp_path, capsys, system):
    path, lps = scan
    voxel = np.array([9, 8, 6])
    x, y, z = at = (lps @ [*voxel, 1])[:3]
    told = {"ras:": (-x, -y, z), "ijk:": voxel}.get(system, at)
    drawn = f"--ellipsoid={system}{','.join(f'{n:.4f}' for n in told)},6,6,8"
    lesion = ("--bone", "vertebra_T12", "--side", "left")
    assert main(["init", str(tmp_path / "case"), "--ct", str(path), drawn, *lesion]) == 0
    document = yaml.safe_load((tmp_path / "case" / "case.yaml").read_text())
    assert document["lesions"][0]["mask"]["ellipsoid"]["centre_mm"] == pytest.approx(at, abs=2e-3)
    kept = read_nifti(tmp_path / "case" / "ct.nii.gz", "HU")
    assert kept.positions_mm(voxel) == pytest.approx(at, abs=1e-3)  # the case counts as the file did
    assert ("in LPS mm" in capsys.readouterr().out) == (system in ("ras:", "ijk:"))


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("--seed=xyz:1,2,3", "write lps:, ras: or ijk:"),
        ("--seed=ijk:1,2", "takes 3 numbers"),
        ("--seed=ijk:40,60,12", "counted from 0"),
        ("--seed=ras:nan,0,0", "three plain numbers"),
        ("--ellipsoid=ijk:1,2,3", "takes 6 numbers"),
    ],
)
def test_a_point_that_is_none_is_refused_and_leaves_nothing(scan, tmp_path, capsys, option, words):
    lesion = ("--bone", "vertebra_T12", "--side", "midline")
    assert main(["init", str(tmp_path / "case"), "--ct", str(scan[0]), option, *lesion]) == 2
    assert words in capsys.readouterr().err
    assert not (tmp_path / "case").exists()


@pytest.mark.parametrize(
    ("option", "words"), [("ijk:99,0,0", "counted from 0"), ("abc:1,2,3", "ras: or ijk:")]
)
def test_the_centre_of_a_simulated_lesion_is_taken_in_the_same_words(scan, tmp_path, capsys, option, words):
    labels = np.zeros(SHAPE, np.uint8)
    labels[5:15, 4:12, 2:10] = 1
    ct = Volume(body_HU(SHAPE), scan[1], "HU")
    image = nib.Nifti1Image(labels, np.diag([-1, -1, 1, 1]) @ ct.affine)
    nib.save(image, tmp_path / "scapula_left.nii.gz")
    case = str(tmp_path / "case")
    given = ("--ct", str(scan[0]), "--labels", str(tmp_path / "scapula_left.nii.gz"))
    assert main(["init", case, *given]) == 0
    capsys.readouterr()
    drawn = ("--bone", "scapula_left", "--side", "left", "--axes", "4,4,4", f"--centre={option}")
    assert main(["simulate-lesion", case, *drawn]) == 2
    assert words in capsys.readouterr().err
