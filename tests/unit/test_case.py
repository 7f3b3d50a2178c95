"""Reading a case folder: what is accepted, and each refusal in its own sentence."""

import numpy as np
import pytest
import yaml

from osteoplan.anatomy.lesion_shapes import ellipsoid_at
from osteoplan.errors import BadInput, GeometryMismatch, LesionError, UnknownName
from osteoplan.io.case import read_case
from osteoplan.io.nifti import write_nifti
from osteoplan.model.volume import Volume
from tests.ct_made import body_HU
from tests.unit.test_volume import FLIPS, affine

SHAPE = (12, 14, 9)


def document(**changes):
    base = {
        "id": "one",
        "images": {
            "ct": "ct.nii.gz",
            "labels": {"file": "labels.nii.gz", "names": "names.csv"},
            "calibration": {"kind": "fixed", "kvp": 120},
        },
        "lesions": [{"id": "L1", "bone": "vertebra_T12", "side": "midline", "mask": "lesion.nii.gz"}],
    }
    return {**base, **changes}


@pytest.fixture
def folder(tmp_path):
    ct = Volume(body_HU(SHAPE), affine(), "HU")
    lesion = np.zeros(SHAPE, np.uint8)
    lesion[5:7, 5:8, 3:5] = 1
    write_nifti(ct, tmp_path / "ct.nii.gz")
    write_nifti(ct.with_array(np.full(SHAPE, 32, np.uint8), "label"), tmp_path / "labels.nii.gz")
    write_nifti(ct.with_array(lesion, "mask"), tmp_path / "lesion.nii.gz")
    (tmp_path / "names.csv").write_text("group,original_idx,structure,id\nvertebrae,8,vertebrae_T12,32\n")
    save(tmp_path, document())
    return tmp_path


def save(folder, content):
    (folder / "case.yaml").write_text(yaml.safe_dump(content, sort_keys=False))


def assert_refused(folder, content, kind, words):
    save(folder, content)
    with pytest.raises(kind, match=words) as refusal:
        read_case(folder)
    assert "\n" not in str(refusal.value)


def test_a_case_folder_is_read(folder):
    case = read_case(folder)
    assert case.structures == {"vertebrae_T12": 32}
    assert case.target.mask.array.sum() == 12
    assert case.target.mask.array.dtype == bool
    assert case.facts == {}


def test_plain_number_name_rows_are_names_too(folder):
    (folder / "names.csv").write_text("32,vertebrae_T12\n52,aorta\n")
    assert read_case(folder).structures == {"vertebrae_T12": 32, "aorta": 52}


def test_an_unknown_key_names_its_neighbour(folder):
    assert_refused(
        folder, {**document(), "lesion": []}, UnknownName, "unknown key 'lesion'.*did you mean 'lesions'"
    )


def test_an_unknown_key_inside_a_lesion_names_its_neighbour(folder):
    lesion = {**document()["lesions"][0], "sidee": "left"}
    assert_refused(folder, document(lesions=[lesion]), UnknownName, "did you mean 'side'")


def test_an_unknown_fact_names_its_neighbour(folder):
    assert_refused(folder, document(facts={"ekog": 1}), UnknownName, "did you mean 'ecog'")


def test_a_fact_of_the_wrong_kind_is_refused(folder):
    assert_refused(folder, document(facts={"ecog": "good"}), BadInput, "ecog")


def test_a_mask_on_another_grid_is_refused(folder):
    other = Volume(np.ones(SHAPE, np.uint8), affine(flip=(-1, 1, 1)), "mask")
    write_nifti(other, folder / "lesion.nii.gz")
    assert_refused(
        folder, document(), GeometryMismatch, "the mask of lesion L1 is on another grid.*resample it"
    )


def test_an_empty_lesion_is_refused(folder):
    write_nifti(Volume(np.zeros(SHAPE, np.uint8), affine(), "mask"), folder / "lesion.nii.gz")
    assert_refused(folder, document(), LesionError, "its mask is empty")


def test_calibration_is_never_guessed(folder):
    images = {key: value for key, value in document()["images"].items() if key != "calibration"}
    assert_refused(folder, document(images=images), BadInput, "images.calibration")


def test_a_missing_file_is_told(folder):
    (folder / "ct.nii.gz").unlink()
    assert_refused(folder, document(), BadInput, r"ct\.nii\.gz: no such file")


def test_a_case_without_a_lesion_is_told_what_to_do(folder):
    assert_refused(folder, document(lesions=[]), BadInput, "simulate-lesion")


@pytest.mark.parametrize("text", ["- a\n- b\n", "id: [\n", "\x00"])
def test_a_file_that_is_not_a_case_is_refused(folder, text):
    (folder / "case.yaml").write_text(text)
    with pytest.raises(BadInput, match=r"case\.yaml"):
        read_case(folder)


@pytest.mark.parametrize("flip", FLIPS)
def test_an_ellipsoid_lies_along_the_patients_axes_on_any_grid(flip):
    ct = Volume(body_HU((60, 50, 30)), affine(spacing=(0.7, 1.1, 2.0), flip=flip), "HU")
    centre = ct.positions_mm((30, 24, 15))
    mask = ellipsoid_at(ct, tuple(centre), (20.0, 14.0, 10.0))
    inside = ct.positions_mm(np.argwhere(mask.array)) - centre
    assert (mask.array.sum() * ct.voxel_volume_mm3) == pytest.approx(np.pi / 6 * 20 * 14 * 10, rel=0.03)
    assert np.all(np.abs(inside).max(axis=0) <= (10.0, 7.0, 5.0))
    assert np.all(np.abs(inside).max(axis=0) >= (9.0, 6.0, 3.8))


def test_a_case_without_a_centre_has_one_that_stated_nothing(folder):
    assert read_case(folder).centre.stated == frozenset()


def test_the_centre_of_a_case_is_read_and_its_faults_are_told_with_their_line(folder):
    save(folder, document(centre="centre.yaml"))
    (folder / "centre.yaml").write_text("name: here\nrt: [ebrt]\n")
    assert read_case(folder).centre.has("sbrt") is False
    (folder / "centre.yaml").write_text("name: here\nrt: [ebrd]\n")
    with pytest.raises(BadInput, match=r"centre\.yaml:2: rt: unknown resource 'ebrd'; did you mean 'ebrt'"):
        read_case(folder)


def test_what_was_done_before_is_unknown_unless_somebody_says_so(folder):
    assert read_case(folder).prior_treatment is None
    save(folder, document(prior_treatment=[]))
    assert read_case(folder).prior_treatment == ()
    save(folder, document(prior_treatment=[{"kind": "ebrt", "gy": 20, "fractions": 5, "date": "2026-03-01"}]))
    (earlier,) = read_case(folder).prior_treatment
    assert (earlier.kind, earlier.gy, earlier.fractions, earlier.date.isoformat()) == (
        "ebrt",
        20.0,
        5,
        "2026-03-01",
    )


@pytest.mark.parametrize(
    ("fact", "listed"), [(False, [{"kind": "ebrt"}]), (True, []), (True, [{"kind": "cement"}])]
)
def test_what_was_done_before_cannot_be_told_in_two_ways(folder, fact, listed):
    content = document(prior_treatment=listed, facts={"prior_rt": fact})
    assert_refused(folder, content, BadInput, "one is wrong")
    save(folder, document(prior_treatment=listed, facts={"prior_rt": not fact}))
    assert read_case(folder).prior_treatment is not None


def test_a_key_that_stands_twice_is_refused_and_never_half_read(folder):
    path = folder / "case.yaml"
    path.write_text(path.read_text() + "id: another\n")
    with pytest.raises(BadInput, match="'id' stands twice"):
        read_case(folder)


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"kind": "ebtr"}, "prior_treatment"),
        ({"kind": "ebrt", "gy": -1}, "prior_treatment"),
        ({"kind": "ebrt", "dose": 20}, "unknown key 'dose'"),
    ],
)
def test_an_earlier_treatment_that_cannot_be_meant_is_refused(folder, entry, words):
    assert_refused(folder, document(prior_treatment=[entry]), BadInput, words)
