"""A vertebra from a point: as the label map has it, whatever grid, wherever the point lies in it."""

import numpy as np
import pytest

from osteoplan.anatomy.phantom import make_phantom
from osteoplan.anatomy.segment import segment_bone
from osteoplan.errors import BadInput, UnknownName
from osteoplan.io.nifti import read_nifti


def dice(a, b):
    return 2.0 * (a & b).sum() / (a.sum() + b.sum())


@pytest.fixture(scope="module")
def chest(data):
    folder = data / "chest_spine"
    return read_nifti(folder / "cxr.nii.gz", "HU"), read_nifti(folder / "mask.nii.gz", "label").array


@pytest.fixture(scope="module")
def pelvis(data):
    folder = data / "pelvis_hip"
    labels = read_nifti(folder / "example_seg_fast_force_split.nii.gz", "label")
    return read_nifti(folder / "example_ct.nii.gz", "HU"), labels.array


def centre(ct, mask):
    return ct.positions_mm(np.argwhere(mask).mean(axis=0))


# What was reached with a margin of 0.03; the label maps leave out some cortex and transverse processes.
@pytest.mark.parametrize(("bone", "number", "least"), [("vertebra_T12", 32, 0.84), ("vertebra_T9", 35, 0.80)])
@pytest.mark.slow
def test_a_vertebra_of_the_chest_scan_is_as_labelled(chest, bone, number, least):
    ct, labels = chest
    truth = labels == number
    found = segment_bone(ct, bone, centre(ct, truth))
    assert dice(found.mask, truth) > least
    assert found.cautions == ()
    assert "not counted" in found.because


@pytest.mark.parametrize(("bone", "number", "least"), [("vertebra_L1", 31, 0.92), ("vertebra_L4", 28, 0.89)])
@pytest.mark.slow
def test_a_vertebra_of_the_pelvis_scan_is_as_labelled(pelvis, bone, number, least):
    ct, labels = pelvis
    truth = labels == number
    assert dice(segment_bone(ct, bone, centre(ct, truth)).mask, truth) > least


@pytest.mark.slow
def test_another_point_of_the_same_vertebra_gives_nearly_the_same_mask(pelvis):
    ct, labels = pelvis
    middle = centre(ct, labels == 30)
    first = segment_bone(ct, "vertebra_L2", middle).mask
    for offset in ((8.0, -14.0, 3.0), (-10.0, -10.0, -5.0)):  # into the body, to the left and to the right
        assert dice(segment_bone(ct, "vertebra_L2", middle + offset).mask, first) > 0.95


@pytest.mark.slow
def test_a_lytic_hole_belongs_to_its_bone_though_the_point_is_in_it(pelvis):
    ct, labels = pelvis
    truth = labels == 29
    whole = segment_bone(ct, "vertebra_L3", centre(ct, truth)).mask
    hole_mm = centre(ct, truth) + np.array([0.0, -16.0, 0.0])
    grid = np.stack(np.meshgrid(*map(np.arange, ct.shape), indexing="ij"), axis=-1)
    hole = np.linalg.norm(ct.positions_mm(grid) - hole_mm, axis=-1) < 8.0
    assert (hole & whole).sum() > 0.9 * hole.sum()
    lytic = ct.with_array(np.where(hole, 40, ct.array).astype(ct.array.dtype))
    found = segment_bone(lytic, "vertebra_L3", hole_mm).mask
    assert (found & hole).sum() > 0.9 * hole.sum()
    assert dice(found, whole) > 0.9


@pytest.mark.parametrize("grid", ["axial", "left_handed", "oblique"])
@pytest.mark.slow
def test_a_phantoms_vertebra_is_found_on_every_grid(grid):
    phantom = make_phantom("spine", seed=4, grid=grid)
    truth = phantom.labels.mask("vertebrae_T12")
    found = segment_bone(phantom.ct, "vertebra_T12", centre(phantom.ct, truth))
    assert dice(found.mask, truth) > 0.8


def test_what_cannot_be_grown_is_said():
    phantom = make_phantom("spine", seed=4, grid="left_handed")
    ct, at = phantom.ct, centre(phantom.ct, phantom.labels.mask("vertebrae_T12"))
    with pytest.raises(BadInput, match="lies outside the scan"):
        segment_bone(ct, "vertebra_T12", (0.0, 0.0, 9000.0))
    with pytest.raises(UnknownName, match=r"unknown bone .vertebra_T112.; known: "):
        segment_bone(ct, "vertebra_T112", at)
    with pytest.raises(BadInput, match="point"):
        segment_bone(ct, "vertebra_T12", at + np.array([50.0, 0.0, 0.0]))
    with pytest.raises(BadInput, match="in HU"):
        segment_bone(ct.with_array(ct.array, "mgK2HPO4/cm3"), "vertebra_T12", at)
