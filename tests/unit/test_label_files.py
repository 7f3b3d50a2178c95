"""Label maps, masks and tables of names as other programs write them: read right, or refused."""

import itertools

import nibabel as nib
import numpy as np
import pytest
from scipy import ndimage

from osteoplan.errors import BadInput, GeometryMismatch
from osteoplan.io.grid import on_grid_of
from osteoplan.io.label_names import read_names
from osteoplan.io.labels import take_labels
from osteoplan.io.masks import read_mask
from osteoplan.io.nifti import write_nifti
from osteoplan.knowledge.sites import bone_called
from osteoplan.model.volume import Volume
from tests import exports_made as made
from tests.ct_made import body_HU
from tests.unit.test_volume import FLIPS, affine

SHAPE = (24, 20, 15)
CT = Volume(body_HU(SHAPE), affine(), "HU")
BONE = np.zeros(SHAPE, np.uint8)
BONE[8:16, 7:13, 5:10] = 1


def stored(folder, array, name="labels.nii.gz", grid=CT):
    write_nifti(Volume(array, grid.affine, "label"), folder / name)
    return folder / name


# --- the same grid by positions


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
@pytest.mark.parametrize("flip", FLIPS)
def test_every_order_and_direction_of_axes_is_taken_without_loss(order, flip):
    array = np.arange(np.prod(SHAPE)).reshape(SHAPE)
    matrix = CT.affine.copy()
    turned = array
    for axis in range(3):
        if flip[axis] < 0:
            turned = np.flip(turned, axis)
            matrix[:3, 3] += matrix[:3, axis] * (SHAPE[axis] - 1)
            matrix[:3, axis] *= -1
    image = Volume(turned.transpose(order), matrix[:, [*order, 3]], "label")
    laid, notes = on_grid_of(CT, image, what="the label map")
    assert (laid.array == array).all()
    assert (laid.affine == CT.affine).all()
    assert notes == ()


def test_a_rounded_header_is_taken_with_a_note():
    matrix = CT.affine.copy()
    matrix[:3, 0] *= 0.9995
    laid, notes = on_grid_of(CT, Volume(BONE, matrix, "label"), what="the label map")
    assert laid.same_grid(CT.with_array(BONE, "label"))
    assert notes == ()  # 0.008 mm
    matrix[:3, 0] *= 0.998
    _, notes = on_grid_of(CT, Volume(BONE, matrix, "label"), what="the label map")
    assert "its header differs by up to 0.04" in notes[0]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda m: m[:3, 3].__iadd__((0, 0, 30)), r"its middle .*30 mm up"),
        (lambda m: m[:3, 3].__iadd__(0.4 * m[:3, 0]), "its middle 0.[0-9]+ mm"),
        (lambda m: m[:3, 0].__imul__(1.1), r"voxels of 0.77 x 1.1 x 2.5 mm, not 0.7 x 1.1 x 2.5"),
        (lambda m: m.__setitem__((slice(3), slice(3)), np.diag([0.7, 1.1, 2.5])), "axes turned by up to"),
    ],
)
def test_another_grid_is_refused_by_its_difference(change, said):
    matrix = CT.affine.copy()
    change(matrix)
    with pytest.raises(GeometryMismatch, match=said):
        on_grid_of(CT, Volume(BONE, matrix, "label"), what="the label map")
    with pytest.raises(GeometryMismatch, match="24x20x14 voxels, not 24x20x15"):
        on_grid_of(CT, Volume(BONE[..., :-1], CT.affine, "label"), what="the label map")


# --- label maps


def test_labels_of_the_old_totalsegmentator_are_told_by_the_scan(tmp_path):
    hu = CT.array.copy()
    hu[:5], hu[19:] = -850, -870  # two lungs
    ct, numbers = CT.with_array(hu), np.zeros(SHAPE, np.uint8)
    numbers[:5], numbers[19:], numbers[8:16, 7:13, 5:7], numbers[8:16, 7:13, 7:10] = 15, 17, 23, 24
    path = stored(tmp_path, numbers)
    with pytest.raises(BadInput, match="give --scheme totalsegmentator_v1"):
        take_labels(path, ct)
    assert take_labels(path, ct, scheme_name="totalsegmentator_v1").labels.has("vertebrae_T12")


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (BONE * np.float32(0.4), "between whole ones"),
        (CT.array, "is it the CT"),
        (BONE, "nobody says which structure"),
    ],
)
def test_what_is_no_label_map_is_refused(tmp_path, array, said):
    with pytest.raises(BadInput, match=said):
        take_labels(stored(tmp_path, array), CT)


@pytest.mark.parametrize("order", [0, 1])
def test_a_label_map_that_was_interpolated_and_rounded_is_refused(tmp_path, order):
    array = np.zeros(SHAPE)
    array[4:12, 5:15, 2:7], array[12:20, 5:15, 2:7], array[4:20, 5:15, 8:13] = 32, 33, 52
    turned = np.rint(ndimage.affine_transform(array, np.eye(3), (0.3, -0.6, 0.4), order=order)).astype(
        np.uint8
    )
    path = stored(tmp_path, turned)
    if order == 0:
        assert take_labels(path, CT, scheme_name="totalsegmentator").labels.has("vertebrae_T12")
        return
    with pytest.raises(BadInput, match="numbers stand only between others"):
        take_labels(path, CT, scheme_name="totalsegmentator")


def test_a_mask_called_like_its_structure_and_a_folder_of_them_are_read(tmp_path):
    one = take_labels(stored(tmp_path, BONE, "vertebrae_L3.nii.gz"), CT)
    assert one.labels.values == {"vertebrae_L3": 1}
    folder = tmp_path / "segmentations"
    folder.mkdir()
    stored(folder, BONE * 255, "vertebrae_T12.nii.gz")
    stored(folder, np.ones(SHAPE, np.uint8), "spine.nii.gz")
    stored(folder, np.zeros(SHAPE, np.uint8), "spleen.nii.gz")
    read = take_labels(folder, CT)
    assert (read.labels.mask("vertebrae_T12") == BONE.astype(bool)).all()
    assert any("they count as vertebrae_T12, the smaller" in note for note in read.notes)
    assert not read.labels.has("spleen")


def test_numbers_without_a_name_are_told(tmp_path):
    read = take_labels(stored(tmp_path, BONE * 32 + np.roll(BONE, 8, axis=0) * 200), CT)
    assert any("1 numbers have no name and are left out (200)" in note for note in read.notes)


# --- masks of a lesion


@pytest.mark.parametrize("scale", [1, 7, 255])
def test_a_mask_may_use_any_one_number(tmp_path, scale):
    stored(tmp_path, (BONE * scale).astype(np.uint8), "m.nii.gz")
    assert (read_mask(tmp_path, "m.nii.gz", CT, what="the mask").mask.array == (BONE > 0)).all()


def test_a_mask_of_two_numbers_is_asked_which(tmp_path):
    both = BONE.copy()
    both[8:10, 7:9, 5:7] = 2
    stored(tmp_path, both, "m.nii.gz")
    with pytest.raises(BadInput, match=r"several numbers \(1, 2\): say which"):
        read_mask(tmp_path, "m.nii.gz", CT, what="the mask")
    assert read_mask(tmp_path, "m.nii.gz", CT, what="the mask", part="2").mask.array.sum() == 8
    with pytest.raises(BadInput, match="unknown number of the mask '3'"):
        read_mask(tmp_path, "m.nii.gz", CT, what="the mask", part="3")


# --- tables of names

T12 = {"vertebrae_T12": 32}


@pytest.mark.parametrize(
    ("raw", "read"),
    [
        (b"id,structure\n0,background\n32,vertebrae_T12\n", T12),
        ("﻿structure,id\nvertebrae_T12,32\n".encode(), T12),
        ("id;name\n32;Rückenwirbel\n".encode("cp1252"), {"Rückenwirbel": 32}),
        ("id\tstructure\r\n32\tvertebrae_T12\r\n".encode("utf-16"), T12),
        ("id\tstructure\r\n32\tvertebrae_T12\r\n".encode("utf-16-le"), T12),
        (b"sep=;\nid;structure\n32.0;vertebrae_T12\n", T12),
        (b'# ITK-SnAP\n 0 0 0 0 0 0 0 "Clear Label"\n 32 9 8 7 1 1 1 "vertebrae_T12"\n', T12),
        (b"# Color table file\n0 Background 0 0 0 0\n32 vertebrae_T12 255 0 0 255\n", T12),
        (b"LabelValue,Name,Color_R,Color_G,Color_B,Color_A\n32,vertebrae_T12,1,2,3,4\n", T12),
        (b"32,vertebrae_T12\n32,vertebrae_T12\n", T12),
        (b"33 O'Brien 1 2 3 4\n32  vertebrae_T12  1 2 3 4 \n", {**T12, "O'Brien": 33}),
        (b'id,structure\n33,"open\n32,vertebrae_T12\n', {**T12, "open": 33}),
    ],
)  # fmt: skip
def test_a_table_is_read_as_people_and_programs_write_it(tmp_path, raw, read):
    (tmp_path / "n.csv").write_bytes(raw)
    assert read_names(tmp_path / "n.csv") == read


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"id,structure\n32,a\n32,b\n", "32 is 'a' and 'b'"),
        (b"id,structure\n32,a\n90,a\n", "'a' stands for 32 and for 90"),
        (b"", "no label numbers and names"),
        (b"\x89PNG\r\n\x1a\n\x00\x01\x02", "no label numbers and names"),
        (b"32,vertebrae_T12\n33," + 200_000 * b"x", "no label numbers and names"),
    ],
)
def test_a_table_that_says_two_things_is_refused(tmp_path, raw, said):
    (tmp_path / "n.csv").write_bytes(raw)
    with pytest.raises(BadInput, match=said):
        read_names(tmp_path / "n.csv")


# --- names of bones


@pytest.mark.parametrize(
    ("text", "bone"),
    [
        ("T8 vertebra", "vertebra_T8"), ("l 3", "vertebra_L3"), ("vertebrae_T12", "vertebra_T12"),
        ("right_femur", "femur_right"), ("rib 5 left", "rib_left_5"),
        ("acetabulum_right", "hemipelvis_right"),
        ("vertebra L6", "vertebra_L6"), ("t13", "vertebra_T13"),
        ("L hip", "hemipelvis_left"), ("os sacrum", "sacrum"),
    ],
)  # fmt: skip
def test_common_names_of_bones_are_understood(text, bone):
    assert bone_called(text) == bone


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("vertebra_C1", "can be labelled, not planned"), ("T14", "is no vertebra"),
        ("vertebra_S1", "part of the sacrum"), ("femur", "which side"),
        ("femr_left", "did you mean 'femur_left'"), ("vertebra_X8", "known: "), ("spleen", "known: "),
    ],
)  # fmt: skip
def test_a_suggestion_changes_neither_level_nor_bone(text, said):
    with pytest.raises(BadInput, match=said):
        bone_called(text)


def test_labels_in_which_no_structure_is_labelled_are_refused(tmp_path):
    table = tmp_path / "names.csv"
    table.write_text("7,L3\n")
    for file, names in ((stored(tmp_path, 0 * BONE), None), (stored(tmp_path, BONE, "one.nii.gz"), table)):
        with pytest.raises(BadInput, match="no structure is labelled"):
            take_labels(file, CT, names=names)


def test_a_folder_around_the_folder_of_masks_is_told(tmp_path):
    (tmp_path / "segmentations").mkdir()
    stored(tmp_path / "segmentations", BONE, "vertebrae_L3.nii.gz")
    with pytest.raises(BadInput, match=r"give the folder that does: .*segmentations$"):
        take_labels(tmp_path, CT)
    assert take_labels(tmp_path / "segmentations", CT).labels.present() == ("vertebrae_L3",)


def test_a_scheme_that_the_header_contradicts_is_refused(tmp_path):
    file = tmp_path / "seg.nii.gz"
    image = nib.Nifti1Image(28 * BONE, np.diag([-1, -1, 1, 1]) @ CT.affine)
    image.header.extensions.append(
        nib.nifti1.Nifti1Extension(30, made._caret([(28, "vertebrae_L4")]).encode())
    )
    nib.save(image, file)
    with pytest.raises(BadInput, match=r"its header calls 28 vertebrae_L4, the scheme verse .*T13"):
        take_labels(file, CT, scheme_name="verse")
    assert take_labels(file, CT, scheme_name="totalsegmentator").labels.present() == ("vertebrae_L4",)
    assert take_labels(file, CT).labels.present() == ("vertebrae_L4",)


def test_where_two_schemes_fit_neither_is_advised(tmp_path):
    numbers = 22 * BONE
    numbers[..., 7:][BONE[..., 7:] > 0] = 23  # L3 and L4 of VerSe, L1 and T12 of the old TotalSegmentator
    with pytest.raises(BadInput, match="as totalsegmentator_v1 and as verse they do: ask who made it"):
        take_labels(stored(tmp_path, numbers), CT)
