"""Valid files of other programs are read voxel for voxel: scan, labels, lesion, on mirrored grids too."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from osteoplan.errors import BadInput
from osteoplan.io.case_file import read_case_file
from osteoplan.io.grid import on_grid_of
from osteoplan.io.labels import read_labels
from osteoplan.io.nifti import names_within, read_nifti
from osteoplan.workflow.prepare import NewCase, NewLesion, init_case
from tests import exports_made as made
from tests.parsed_here import parsed_here

GRIDS = ["flipped", "oblique", "oblique left-handed"]
WITH_MASKS = list(zip(made.LABELS, itertools.cycle(made.DRAWN), strict=False))
WITH_LESIONS = list(zip(made.LABELS, itertools.cycle(made.LESIONS), strict=False))


def imported(phantom: made.Phantom, folder: Path, ct: Path, **given) -> tuple[str, ...]:
    """Make a case and hold it against the phantom; the notes."""
    part, lesion = given.pop("part", None), given.pop("lesion", None)
    if lesion is not None:
        given["lesion"] = NewLesion(lesion, "vertebra_T12", "midline", part, "lytic")
    case = folder / "case"
    with parsed_here() as raised:
        notes = init_case(case, NewCase(ct, **given)).notes
    assert raised == []

    def laid(name: str, meaning: str) -> np.ndarray:
        stored = read_nifti(case / name, meaning, frame=phantom.ct.frame)
        return on_grid_of(phantom.ct, stored, what=name)[0].array

    assert np.array_equal(laid("ct.nii.gz", "HU"), phantom.ct.array)
    if lesion is not None:
        assert np.array_equal(laid("lesion_L1.nii.gz", "mask") != 0, phantom.lesion)
    if "labels" in given:
        stored = read_nifti(case / "ct.nii.gz", "HU")
        labels = read_labels(case, read_case_file(case).images.labels, stored).labels
        for name, mask in phantom.masks.items():
            found = on_grid_of(phantom.ct, replace(labels.volume, frame=phantom.ct.frame), what=name)[0]
            assert np.array_equal(found.array == labels.values[name], mask), name
    return notes


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("scan", made.SCANS)
def test_a_scan_is_read_as_it_was(scan: str, grid: str, tmp_path: Path):
    phantom = made.phantom(grid)
    assert imported(phantom, tmp_path, made.SCANS[scan](phantom, tmp_path)) == ()


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize(("labels", "lesion"), WITH_MASKS)
def test_labels_and_masks_lie_where_they_were_drawn_on_a_converted_scan(
    labels: str, lesion: str, grid: str, tmp_path: Path
):
    phantom = made.phantom(grid)
    given = made.LABELS[labels](phantom, tmp_path) | made.DRAWN[lesion](phantom, tmp_path)
    imported(phantom, tmp_path, made.dcm2niix(phantom, tmp_path), **given)


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize(("labels", "lesion"), WITH_LESIONS)
def test_labels_and_lesions_lie_where_they_were_drawn_on_a_series(
    labels: str, lesion: str, grid: str, tmp_path: Path
):
    phantom = made.phantom(grid)
    given = made.LABELS[labels](phantom, tmp_path) | made.LESIONS[lesion](phantom, tmp_path)
    imported(phantom, tmp_path, made.dicom(phantom, tmp_path), **given)


@pytest.mark.parametrize("drawn", [made.raystation, made.dicom_segment])
def test_a_lesion_beside_its_scan_is_found_in_their_folder(drawn, tmp_path: Path):
    """A whole study exported as one folder: what draws is one file in it."""
    phantom = made.phantom("oblique")
    scan, given = made.dicom(phantom, tmp_path), drawn(phantom, tmp_path)
    given["lesion"].rename(scan / "drawn.dcm")
    imported(phantom, tmp_path, scan, **{**given, "lesion": scan})


def test_names_of_a_header_that_say_two_things_are_refused(tmp_path: Path):
    phantom = made.phantom("oblique")
    for rows in ([(1, "aorta"), (1, "spleen")], [(1, "aorta"), (2, "aorta")]):
        path = made._nifti(phantom.ct, tmp_path / "labels.nii.gz", extension=made._caret(rows))
        with parsed_here(), pytest.raises(BadInput, match="lists a name or a number twice"):
            names_within(path)
    assert names_within(made.itk_nifti(phantom, tmp_path)) == {}
