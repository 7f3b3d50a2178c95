"""Inputs that were read wrong in silence, ended in a traceback or were refused with a false reason.

Each folder of ``data/faults`` is copied and its ``run.sh`` is followed: ``init`` refuses in one sentence, or
reads what is right and says what it noticed.  Its foreign files are parsed in this process (``parsed_here``).
"""

import re
import shlex
import shutil
from dataclasses import dataclass

import numpy as np
import pytest

from osteoplan.cli import main
from osteoplan.io.grid import on_grid_of
from osteoplan.io.nifti import read_nifti
from tests.parsed_here import parsed_here

PHANTOM = "labels_folder_of_masks"  # its CT and lesion are stored as they are read
DRAWN_mL = {"mask": 51 * 0.027, "contours": 180 * 0.027}  # whole voxels of 3 mm; expected.txt: 1.38 and 4.86


@dataclass(frozen=True)
class Read:
    """What must be said (a regular expression, "" for nothing in particular), and which lesion is right.

    The scan is the phantom voxel for voxel, but for those in which ``scan`` says how they differ.
    """

    said: str = ""
    lesion: str = "mask"
    scan: str = "phantom"


REFUSED = {
    "density_in_g_per_cm3": "ct.nii.gz: no voxel reaches 10 mg/cm3 .*: is it in g/cm3",
    "dicom_offset_fixed_calibration": "dcm.zip: .*the offset .* was lost; export it in HU",
    "dicom_one_slice_rescaled_otherwise": "between slices 20 and 21 of 41 the rescale changes .* by 1014 HU",
    "dicom_two_phases_interleaved": "several acquisitions whose slices lie between each other",
    "labels_interpolated": "labels.nii.gz holds numbers between whole ones .*: it was interpolated",
    "labels_shifted": r"on another grid than the CT \(its middle 30 mm up\)",
    "labels_totalsegmentator_v1": "as totalsegmentator_v1 they do: give --scheme totalsegmentator_v1",
    "lesion_mask_two_values": r"holds several numbers \(1, 2\): say which one is the lesion",
    "mha_no_orientation": "ct.mha: does not say how its voxels lie .*TransformMatrix",
    "mhd_raw_missing": "its data file 'gone.raw' is not there",
    "names_dupid": "n.csv: 32 is 'vertebrae_T12' and 'vertebrae_L5'",
    "names_dupname": "n.csv: 'vertebrae_T12' stands for 32 and for 90",
    "nifti_claims_huge": "its header claims 30000 x 30000 x 30000 voxels",
    "nifti_complex": "holds complex numbers",
    "nifti_gz_damaged": r"its compressed data are damaged or cut off \(CRC",
    "nifti_no_orientation": r"does not say where it lies \(qform_code and sform_code are 0\)",
    "nifti_qform_against_sform": r"sform and qform put the image up to \d+ mm apart",
    "nifti_rgb_labels": "labels.nii.gz: holds colours",
    "nifti_signed_read_as_unsigned": "from 0 to 65535, .*signed values under an unsigned header",
    "nifti_unsigned": "the offset .* was lost; export it in HU",
    "nifti_voxel_edge_of_cm": "vertebrae_L1, its largest bone, holds 0.037 mL.*are its lengths in cm, not mm",
    "nifti_windowed_8bit": "an 8 bit picture and not HU",
    "nrrd_metres": "voxels of 0.003 x 0.003 x 0.003 mm, .*correct unit",  # the CT is read, not the labels
    "nrrd_no_space_directions": "ct.nrrd: does not say how its voxels lie .*'space directions'",
    "rtstruct_number_twice": "two regions have the number 1",
}
READ = {
    "bone_L6": Read(),
    "case_name_long": Read(),
    "dicom_metal_wrapped_to_air": Read("vertebrae_T12 holds 1.9 mL that read as air", scan="metal"),
    "dicom_two_passes_joined": Read("2 acquisitions were joined, after slice 20 of 41", scan="upper half"),
    "dicom_without_preamble": Read(),
    "labels_as_dcm2niix_stores_them": Read(),
    "labels_folder_of_masks": Read(),
    "labels_spacing_rounded": Read(r"its header differs by up to 0.035 mm \(rounded\?\)"),
    "names_bom_swapped": Read(),
    "names_latin1": Read(),
    "names_utf16": Read(),
    "nifti_metres": Read(
        "ct.nii.gz: its lengths are in metres, read as voxels of 2 x 2 x 2.5 mm", scan="finer"
    ),
    "nifti_pixdim_against_sform": Read("pixdim says voxels of 1 x 1 x 1 mm, the sform 3 x 3 x 3 mm"),
    "rtstruct_contour_over_64kB": Read("", "contours"),
    "rtstruct_contour_twice_reversed": Read(r"lists 2 contour\(s\) twice", "contours"),
    "rtstruct_name_hidden": Read("", "contours"),
    "seg_labels_swallowed": Read("vertebrae_T12 and Spine share 1190 voxels: they count as vertebrae_T12"),
}


@pytest.fixture
def init(data, tmp_path, monkeypatch, capfd):
    """``init`` of a ``run.sh``: exit status, the case's folder, what was printed, all on one line."""

    def run(fault):
        folder = tmp_path / fault
        shutil.copytree(data / "faults" / fault, folder)
        folder.chmod(0o755)
        monkeypatch.chdir(folder)
        lines = (folder / "run.sh").read_text().splitlines()
        arguments = shlex.split(next(line for line in lines if line.startswith("osteoplan init")))[1:]
        with parsed_here() as raised:
            status = main(arguments)
        assert raised == []
        printed = capfd.readouterr()
        lines = printed.err.splitlines()
        told = [line for line in lines if not re.match(r"\[ *\d+ %\]", line)]  # a slow machine tells progress
        return status, folder / arguments[1], " ".join(printed.out.split()), "\n".join(told)

    return run


@pytest.fixture(scope="module")
def phantom(data):
    """The scan of most faults and the lesion drawn on it."""
    folder = data / "faults" / PHANTOM
    return read_nifti(folder / "ct.nii.gz", "HU"), read_nifti(folder / "lesion.nii.gz", "mask")


def test_every_fault_is_told_here(data):
    assert {one.name for one in (data / "faults").iterdir()} == {*REFUSED, *READ}


@pytest.mark.parametrize("fault", REFUSED)
def test_a_fault_is_refused_in_one_sentence(fault, init):
    status, case, out, err = init(fault)
    assert (status, out) == (2, "")
    (sentence,) = err.strip().splitlines()
    assert re.search(REFUSED[fault], sentence), sentence
    assert sentence.startswith("osteoplan: ")
    assert not case.exists()
    assert not list(case.parent.glob(".init-*"))


@pytest.mark.parametrize("fault", READ)
def test_a_fault_is_read_right_and_told(fault, init, phantom):
    status, case, out, err = init(fault)
    assert (status, err) == (0, "")
    expected = READ[fault]
    assert re.search(expected.said, out), out
    scan, mask = (read_nifti(case / name, "HU") for name in ("ct.nii.gz", "lesion_L1.nii.gz"))
    volume_mL = mask.array.sum() * mask.voxel_volume_mm3 / 1000
    if expected.scan == "finer":
        assert scan.spacing_mm == pytest.approx([2, 2, 2.5])
        assert volume_mL == pytest.approx(1.36, abs=0.005)
        return
    assert volume_mL == pytest.approx(DRAWN_mL[expected.lesion], rel=1e-3)
    ct, drawn = phantom
    laid, _ = on_grid_of(ct, scan, what="the scan")
    differs = np.argwhere(laid.array != ct.array)
    if expected.scan == "phantom":
        assert not differs.size
    elif expected.scan == "metal":
        assert laid.array[tuple(differs.T)].max() < -1000
    else:
        assert 20 in (differs[:, 2].min(), ct.shape[2] - 1 - differs[:, 2].max())  # the upper pass was moved
    if expected.lesion == "mask":
        assert np.array_equal(on_grid_of(ct, mask, what="the lesion")[0].array, drawn.array)
