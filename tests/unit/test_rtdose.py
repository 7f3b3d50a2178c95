"""Dose grids: values and places, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from osteoplan.errors import BadInput
from osteoplan.io.dicom.dose import _dose, found_dose, read_dose
from osteoplan.model.volume import Volume
from tests.foreign_made import GRIDS, make_dose, scan


def field(grid: str) -> Volume:
    ct = scan(grid, (5, 7, 6))
    place = ct.positions_mm(np.moveaxis(np.indices(ct.shape), 0, -1))
    return ct.with_array(60 + 0.3 * place[..., 0] - 0.2 * place[..., 1] + 0.01 * place[..., 2], "Gy")


@pytest.mark.parametrize("grid", GRIDS)
def test_a_dose_has_its_value_at_each_position_on_every_grid(grid: str, tmp_path: Path):
    given = field(grid)
    read = read_dose(make_dose(tmp_path / "dose.dcm", given))
    assert (read.meaning, read.frame, read.shape) == ("Gy", given.frame, given.shape)
    every = np.moveaxis(np.indices(given.shape), 0, -1)
    assert np.abs(read.positions_mm(every) - given.positions_mm(every)).max() < 1e-3
    assert np.abs(read.array - given.array).max() < 1e-5


@pytest.mark.parametrize("flip", [(False, False, False), (False, False, True), (False, True, False)])
def test_plane_positions_along_z_mean_the_same_as_distances(flip: tuple[bool, bool, bool], tmp_path: Path):
    given = scan("axial", (5, 7, 6), flip=flip)
    given = given.with_array(given.array + 1.0, "Gy")
    distances, _, _, _ = _part(make_dose(tmp_path / "d.dcm", given))
    positions, affine, _, _ = _part(make_dose(tmp_path / "p.dcm", given, absolute=True))
    assert np.array_equal(distances, positions)
    assert np.abs(affine - given.affine).max() < 1e-3


def _part(path: Path):
    return _dose(path)  # what the child process does


def test_the_kind_of_dose_is_kept(tmp_path: Path):
    def effective(dataset) -> None:
        dataset.DoseType = "EFFECTIVE"
        del dataset.FrameOfReferenceUID

    found = found_dose(make_dose(tmp_path / "dose.dcm", field("axial"), change=effective))
    assert "is effective dose" in found.notes[0]
    assert "has no frame of reference" in found.notes[1]
    assert found.dose.frame == "scan"


def _put(keyword: str, value: object):
    return lambda dataset: setattr(dataset, keyword, value)


MALFORMED = {
    "relative": (_put("DoseUnits", "RELATIVE"), "is in 'RELATIVE', not in GY"),
    "one beam": (_put("DoseSummationType", "BEAM"), "the dose of 'BEAM', not of a whole plan"),
    "difference": (_put("DoseType", "ERROR"), "is of type 'ERROR'"),
    "no scaling": (lambda d: delattr(d, "DoseGridScaling"), "dose grid scaling is not 1 finite"),
    "scaling 0": (_put("DoseGridScaling", "0"), "scaling is not positive"),
    "uneven": (_put("GridFrameOffsetVector", ["0", "1", "2", "3", "4", "9"]), "not evenly spaced"),
    "too few planes": (_put("GridFrameOffsetVector", ["0", "1"]), "offset vector is not 6 finite"),
    "starts nowhere": (
        _put("GridFrameOffsetVector", ["7", "8", "9", "10", "11", "12"]),
        "start neither at 0",
    ),
    "truncated": (lambda d: setattr(d, "PixelData", d.PixelData[:100]), "holds 100 bytes"),
    "skewed": (_put("ImageOrientationPatient", [1, 0, 0, 0.6, 0.8, 0]), "not at right angles"),
    "another object": (_put("SOPClassUID", "1.2.840.10008.5.1.4.1.1.481.3"), "is RT Structure Set Storage"),
}


@pytest.mark.parametrize("fault", MALFORMED)
def test_a_malformed_dose_is_refused_with_its_sentence(fault: str, tmp_path: Path):
    change, sentence = MALFORMED[fault]
    path = make_dose(tmp_path / "dose.dcm", field("axial"), change=change)
    with pytest.raises(BadInput, match=sentence):
        _part(path)
