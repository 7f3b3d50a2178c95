"""What ``osteoplan ways`` says of input that it cannot trust: on a real scan, cut to the lower chest."""

import shutil

import numpy as np
import pytest
import yaml

from osteoplan.errors import BadInput, LesionError
from osteoplan.io.nifti import read_nifti, write_nifti
from osteoplan.workflow.prepare import Ellipsoid, NewCase, NewLesion, init_case
from osteoplan.workflow.ways import ways

IDS = {"aorta": 52, "lungs": (10, 11, 12, 13, 14)}


@pytest.fixture(scope="module")
def real(data, tmp_path_factory):
    """A case of T12 on the crop, the lesion drawn as an ellipsoid."""
    source = data / "chest_spine"
    folder = tmp_path_factory.mktemp("ways") / "case"
    drawn = Ellipsoid((18.5, 54.0, -255.0), (26.0, 20.0, 18.0))
    init_case(folder, NewCase(
        ct=source / "T10-L2_ct.nii.gz", labels=source / "T10-L2_mask.nii.gz", names=source / "structures.csv",
        lesion=NewLesion(drawn, "vertebra_T12", "midline", matrix="lytic"),
        calibration={"kind": "fixed", "kvp": 120},
    ))  # fmt: skip
    case = yaml.safe_load((folder / "case.yaml").read_text())
    case["procedure"] = {"position": "prone", "scan_position": "supine"}
    (folder / "case.yaml").write_text(yaml.safe_dump(case))
    return folder


@pytest.fixture
def copied(real, tmp_path):
    """The case, to be spoilt."""
    folder = tmp_path / "case"
    shutil.copytree(real, folder)
    return folder


def spoil(folder, change, files="*.nii.gz"):
    for path in folder.glob(files):
        image = read_nifti(path, "label" if path.name.startswith("labels") else "HU")
        write_nifti(change(image), path)


def without(*values):
    return lambda labels: labels.with_array(np.where(np.isin(labels.array, values), 0, labels.array))


def needles(result):
    return [way for way in result.ways if way.kind == "needle"]


@pytest.mark.slow
def test_a_missing_label_is_unchecked_and_a_lung_at_the_images_edge_is_no_skin(copied):
    """Neither aorta nor lungs are labelled; canal and roots are derived, which counts as checked."""
    spoil(copied, without(IDS["aorta"], *IDS["lungs"]), "labels*")
    result = ways(copied)
    back = 100.0  # the skin of the back lies at y = 115 to 120, the lungs' borders at 55 to 75
    assert any(way.skin_mm is not None for way in needles(result))
    for way in needles(result):
        assert {name.replace(" ", "_") for name in way.unchecked} == {"aorta", "pleural_recess"}
        assert way.skin_mm is None or way.skin_mm[1] > back
    assert any("unchecked" in warning for warning in result.warnings)
    assert "scanned supine, done prone: organs move, confirm on the procedural CT" in result.warnings


@pytest.mark.slow
def test_where_the_image_ends_before_the_skin_no_needle_fits_and_the_reason_says_so(copied):
    """16 mm of the back are cut off: the spinous process stays, the skin behind it does not."""

    def cut(image):
        keep = round(16.0 / image.spacing_mm[1])
        size = np.array(image.shape)
        forward = image.affine[1, 1] > 0
        low = np.array([0, 0 if forward else keep, 0])
        return image.crop(low, size - [0, keep if forward else 0, 0])

    spoil(copied, cut)
    result = ways(copied)
    assert not any(way.ok for way in needles(result))
    cut_off = [way for way in needles(result) if way.status == "not_judged"]
    assert cut_off
    assert all("not judged: the scan stops" in " ".join(way.reasons) for way in cut_off)


def test_a_mirrored_volume_is_refused(copied):
    spoil(copied, lambda image: image.with_array(np.ascontiguousarray(image.array[::-1])))
    with pytest.raises(BadInput, match="mirrored"):
        ways(copied)


def test_a_lesion_deeper_than_the_needle_reaches_is_told_with_both_lengths(copied):
    """All but 60 mm of the 150 mm needle stay outside; the lesion is deeper than that."""
    centre = {"name": "short needles", "limits": {"ways": {"hub_allowance_mm": 90.0}}}
    (copied / "centre.yaml").write_text(yaml.safe_dump(centre))
    case = yaml.safe_load((copied / "case.yaml").read_text())
    (copied / "case.yaml").write_text(yaml.safe_dump({**case, "centre": "centre.yaml"}))
    result = ways(copied)
    assert not any(way.ok for way in needles(result))
    told = [
        any("mm long" in why and "reaches 60 mm" in why for why in way.reasons) for way in needles(result)
    ]
    cut = [way.skin_mm is None for way in needles(result)]
    assert any(told)
    assert all(a or b for a, b in zip(told, cut, strict=True))


def test_an_empty_lesion_is_refused(copied):
    case = yaml.safe_load((copied / "case.yaml").read_text())
    ct = read_nifti(copied / case["images"]["ct"], "HU")
    write_nifti(ct.with_array(np.zeros(ct.shape, dtype=np.uint8), "mask"), copied / "empty.nii.gz")
    case["lesions"][0]["mask"] = "empty.nii.gz"
    (copied / "case.yaml").write_text(yaml.safe_dump(case))
    with pytest.raises(LesionError, match="its mask is empty"):
        ways(copied)
