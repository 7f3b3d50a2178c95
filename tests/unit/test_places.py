"""Bad places to write are told before the work, in one sentence, and nothing is left there."""

import errno
import os
import shutil

import numpy as np
import pytest

from osteoplan.cli import main
from osteoplan.errors import BadInput
from osteoplan.io import places
from osteoplan.io.nifti import write_nifti
from osteoplan.io.places import require_writable, sentence_of
from osteoplan.model.volume import Volume
from tests.ct_made import body_HU


def test_a_place_that_can_be_written_is_left_as_it_was(tmp_path):
    require_writable(tmp_path / "a" / "b")
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_way_and_a_name_too_long_are_told(tmp_path):
    (tmp_path / "here").write_text("")
    with pytest.raises(BadInput, match="here: a file is in the way"):
        require_writable(tmp_path / "here" / "plan")
    with pytest.raises(BadInput, match=r"\.\.\. c+: cannot be written or read .File name too long"):
        require_writable(tmp_path / "new" / ("c" * 300))
    assert not (tmp_path / "new").exists()


def test_a_full_disk_is_told_with_what_is_free(tmp_path, monkeypatch):
    monkeypatch.setattr(places.shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(1, 1, 3_000_000))
    with pytest.raises(BadInput, match="3 MB are free on this disk, at least 20"):
        require_writable(tmp_path / "plan")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not os.path.ismount("/proc"), reason="needs a file system that nobody may write to")
def test_a_folder_that_nobody_may_write_to_is_told():
    with pytest.raises(BadInput, match="cannot be written"):
        require_writable(places.Path("/proc/self/plan"))


@pytest.mark.parametrize(
    "command",
    [
        ["plan", "CASE"], ["strength", "CASE"], ["ways", "CASE"], ["check", "CASE"],
        ["sheet", "CASE/plan.json", "x"],
    ],
)  # fmt: skip
def test_every_command_asks_before_it_works(tmp_path, capfd, command):
    (tmp_path / "way").write_text("")
    out = tmp_path / "way" / ("s.pdf" if command[0] == "sheet" else "plan")
    (tmp_path / "case.yaml").write_text("")
    arguments = [word.replace("CASE", str(tmp_path)) for word in command]
    assert main([*arguments, "--out", str(out)]) == 2
    said = " ".join(capfd.readouterr().err.split())
    assert "a file is in the way" in said or "is not a folder" in said
    assert sorted(p.name for p in tmp_path.iterdir()) == ["case.yaml", "way"]


def test_a_long_name_is_a_name(tmp_path):
    write_nifti(Volume(body_HU((20, 16, 12)), np.diag([2.0, 1.5, 3.0, 1.0]), "HU"), tmp_path / "ct.nii.gz")
    folder = tmp_path / ("c" * 250)
    assert main(["init", str(folder), "--ct", str(tmp_path / "ct.nii.gz")]) == 0
    assert (folder / "case.yaml").is_file()


def test_what_the_system_says_later_is_one_sentence():
    full = OSError(errno.ENOSPC, "No space left on device", "plan/report.html")
    assert sentence_of(full) == (
        "plan/report.html: cannot be written or read (No space left on device); "
        "choose another place, or make room"
    )
