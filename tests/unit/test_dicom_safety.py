"""Foreign files: limits on memory, time and size, and nothing of a person in what comes out."""

from __future__ import annotations

import io
import os
import pickle
import stat
import time
import zipfile
import zlib
from pathlib import Path

import numpy as np
import psutil
import pydicom
import pytest

from osteoplan.errors import BadInput, Cancelled, GeometryMismatch
from osteoplan.io.dicom.child import in_child, one_child
from osteoplan.io.dicom.header import pseudonym
from osteoplan.io.dicom.image import read_series
from osteoplan.io.dicom.series import find_series
from osteoplan.model.volume import Volume
from tests.dicom_made import affine_of, make_localizer, make_series

VOLUME = Volume(
    np.random.default_rng(1).integers(-1000, 1500, (12, 10, 6)).astype(np.int16),
    affine_of((0.7, 0.9, 2)),
    "HU",
)
NAME = "Wachtelmann"


# --- the child ------------------------------------------------------------------------------------------


def refuse(message: str) -> None:
    raise GeometryMismatch(message)


def blurt(name: str) -> None:
    raise ValueError(f"cannot read {name}")


def count(last: int, on_step: object = None) -> int:
    for n in range(last):
        on_step(n, n / last)  # type: ignore[operator]
        time.sleep(0.01)
    return last


def test_a_result_comes_back_from_another_process() -> None:
    assert in_child(os.getpid, memory_MB=500, seconds=20) != os.getpid()
    array = in_child(np.arange, 10**6, memory_MB=900, seconds=20)
    assert array.flags.writeable
    assert np.array_equal(array, np.arange(10**6))


def test_a_refusal_keeps_its_class_and_sentence() -> None:
    with pytest.raises(GeometryMismatch, match=r"^this does not fit$"):
        in_child(refuse, "this does not fit", memory_MB=900, seconds=20)


def test_an_unforeseen_error_is_told_by_its_kind_never_by_its_text() -> None:
    with pytest.raises(BadInput, match="ValueError") as refusal:
        in_child(blurt, NAME, memory_MB=900, seconds=20)
    assert NAME not in str(refusal.value)


def test_too_much_memory_ends_in_a_sentence() -> None:
    with pytest.raises(BadInput, match=r"need more than 700 MB"):
        in_child(np.ones, 10**9, memory_MB=700, seconds=20)


def test_too_much_time_ends_in_a_sentence() -> None:
    start = time.perf_counter()
    with pytest.raises(BadInput, match="longer than 1 s"):
        in_child(time.sleep, 30, memory_MB=700, seconds=1)
    assert time.perf_counter() - start < 5


def test_a_crash_ends_in_a_sentence() -> None:
    with pytest.raises(BadInput, match=r"ended without an answer \(signal SIGABRT"):
        in_child(os.abort, memory_MB=700, seconds=20)


def test_a_child_tells_its_progress_and_can_be_stopped() -> None:
    seen: list[int] = []

    def told(n: int, share: float) -> bool:
        seen.append(n)
        return True

    assert in_child(count, 5, memory_MB=900, seconds=20, on_step=told) == 5
    assert seen == [0, 1, 2, 3, 4]
    with pytest.raises(Cancelled):
        in_child(count, 1000, memory_MB=900, seconds=20, on_step=lambda n, share: n < 2)


def test_one_child_takes_one_task_after_the_other_until_it_is_ended() -> None:
    with one_child():
        first = in_child(os.getpid, memory_MB=700, seconds=20)
        with one_child():
            assert in_child(os.getpid, memory_MB=700, seconds=20) == first
        with pytest.raises(GeometryMismatch, match="does not fit"):
            in_child(refuse, "this does not fit", memory_MB=700, seconds=20)
        assert in_child(count, 2, memory_MB=700, seconds=20, on_step=lambda n, share: True) == 2
        assert in_child(os.getpid, memory_MB=700, seconds=20) == first
        with pytest.raises(BadInput, match="longer than 1 s"):
            in_child(time.sleep, 30, memory_MB=700, seconds=1)
        second = in_child(os.getpid, memory_MB=700, seconds=20)
        with pytest.raises(BadInput, match="SIGABRT"):
            in_child(os.abort, memory_MB=700, seconds=20)
        with pytest.raises(BadInput, match="need more than 700 MB"):
            in_child(np.ones, 10**9, memory_MB=700, seconds=20)
        third = in_child(os.getpid, memory_MB=700, seconds=20)
        assert len({first, second, third}) == 3
    assert not any(psutil.pid_exists(pid) for pid in (first, second, third))
    assert in_child(os.getpid, memory_MB=700, seconds=20) not in (first, second, third)


# --- bombs ----------------------------------------------------------------------------------------------


def bomb(path: Path, size_MB: int) -> None:
    """A deflated DICOM file that inflates about a thousandfold."""
    source = make_series(VOLUME, path.parent / "seed", transfer_syntax="1.2.840.10008.1.2.1.99")[0]
    content = source.read_bytes()
    meta = io.BytesIO(content)
    pydicom.filereader.read_preamble(meta, False)
    pydicom.filereader.read_dataset(meta, False, True, stop_when=lambda tag, vr, length: tag >> 16 != 2)
    start = content[: meta.tell()]
    header = zlib.decompress(content[meta.tell() :], -15)
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
    with path.open("wb") as file:
        file.write(start + squeeze.compress(header))
        for _ in range(size_MB):
            file.write(squeeze.compress(bytes(2**20)))
        file.write(squeeze.flush())
    source.unlink()
    for other in source.parent.iterdir():
        other.unlink()


def test_a_deflate_bomb_is_refused_quickly(tmp_path: Path) -> None:
    bomb(tmp_path / "bomb.dcm", 300)
    assert (tmp_path / "bomb.dcm").stat().st_size < 0.4e6
    start = time.perf_counter()
    with pytest.raises(BadInput, match=r"inflates to more than .* MB, out of proportion to its size"):
        find_series(tmp_path)
    assert time.perf_counter() - start < 5


def test_a_zip_bomb_is_refused_whatever_it_says_about_its_size(tmp_path: Path) -> None:
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        archive.writestr("a", bytes(120 * 2**20))
    with pytest.raises(BadInput, match="says that it inflates to 120 MB"):
        find_series(path)
    content = path.read_bytes()
    honest = (120 * 2**20).to_bytes(4, "little")
    path.write_bytes(content.replace(honest, (1000).to_bytes(4, "little")))
    with pytest.raises(BadInput, match=r"inflates to more than|is damaged"):
        find_series(path)


def test_a_zip_never_writes_or_follows_anything_outside(tmp_path: Path) -> None:
    files = make_series(VOLUME, tmp_path / "files")
    path = tmp_path / "in" / "odd.zip"
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w") as archive:
        for n, file in enumerate(files):
            archive.write(file, f"../../../evil{n}.dcm")
        link = zipfile.ZipInfo("link.dcm")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    before = set(tmp_path.rglob("*"))
    usable, rest = find_series(path)
    assert usable.verdict == "usable"
    assert rest.reason == "links or devices, which are not followed"
    assert set(tmp_path.rglob("*")) == before
    assert not any(found.name.startswith("evil") for found in tmp_path.parent.iterdir())


def test_links_out_of_the_folder_and_pipes_are_not_followed(tmp_path: Path) -> None:
    make_series(VOLUME, tmp_path / "folder")
    (tmp_path / "folder" / "out").symlink_to("/etc/hostname")
    os.mkfifo(tmp_path / "folder" / "pipe")
    *_, rest = find_series(tmp_path / "folder")
    assert (rest.files, rest.reason) == (2, "links or devices, which are not followed")


def test_an_encrypted_or_cut_zip_is_refused(tmp_path: Path) -> None:
    (file, *_) = make_series(VOLUME, tmp_path / "files")
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(file, "a.dcm")
    content = bytearray(path.read_bytes())
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1  # the flag that says: encrypted
    path.write_bytes(content)
    with pytest.raises(BadInput, match="file 1 of 1 is damaged, encrypted"):
        find_series(path)


def test_nothing_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no such file or folder"):
        find_series(tmp_path / "nothing")
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadInput, match="holds no files"):
        find_series(tmp_path / "empty")


# --- names ----------------------------------------------------------------------------------------------


def named(folder: Path) -> dict[str, object]:
    """Header keywords stuffed with a name, a birthday and a number."""
    folder.mkdir(parents=True)
    words = ("PatientID", "OtherPatientIDs", "PatientAddress", "PatientComments", "StudyDescription",
             "SeriesDescription", "ProtocolName", "InstitutionName", "StationName", "AccessionNumber",
             "StudyID",
             "ImageComments", "DerivationDescription", "ContrastBolusAgent", "ManufacturerModelName",
             "ConvolutionKernel", "RequestedProcedureDescription", "DeviceSerialNumber")  # fmt: skip
    people = ("PatientName", "ReferringPhysicianName", "OperatorsName", "PerformingPhysicianName",
              "PatientBirthName", "PatientMotherBirthName")  # fmt: skip
    tags: dict[str, object] = dict.fromkeys(words, NAME[:16])
    tags |= dict.fromkeys(people, f"{NAME}^Hedwig")
    return tags | {"PatientBirthDate": "19310417", "StudyDate": "20240229", "Manufacturer": f"{NAME} Inc"}


def require_nobody(*things: object) -> None:
    for thing in things:
        text = str(thing) + repr(thing)
        for word in (NAME, NAME.upper(), "Hedwig", "19310417", "20240229", "IM0000"):
            assert word not in text
        if not isinstance(thing, str):
            assert NAME.encode() not in pickle.dumps(thing)


def test_no_name_survives_reading(tmp_path: Path) -> None:
    folder = tmp_path / "study"
    make_series(VOLUME, folder / NAME, **named(folder / NAME))
    make_localizer(folder / "scout").rename(folder / "scout" / f"{NAME}.dcm")
    found = find_series(folder)
    image = read_series(folder)
    require_nobody(found, image.acquisition, image.notes, image.volume.frame, vars(image.volume))
    assert image.acquisition.kernel is None
    assert image.acquisition.model is None
    assert image.acquisition.contrast is True


def test_no_name_is_in_a_refusal(tmp_path: Path) -> None:
    folder = tmp_path / "study"
    files = make_series(VOLUME, folder / NAME, tilt_deg=9, **named(folder / NAME))
    with pytest.raises(BadInput) as tilted:
        read_series(folder)
    require_nobody(str(tilted.value))
    for n, file in enumerate(files):
        content = file.read_bytes()
        file.write_bytes(content[: -50 * n] if n else content)
    with pytest.raises(BadInput) as cut:
        read_series(folder)
    require_nobody(str(cut.value), find_series(folder))
    for n, file in enumerate(files):
        file.write_bytes(file.read_bytes()[: 400 + 37 * n])
    require_nobody(find_series(folder))


def test_unusual_code_strings_are_not_repeated(tmp_path: Path) -> None:
    words = {
        "Modality": "CT",
        "RescaleType": NAME,
        "PatientPosition": NAME,
        "PhotometricInterpretation": NAME,
    }
    make_series(VOLUME, tmp_path / "x", **words)
    with pytest.raises(BadInput) as refusal:
        read_series(tmp_path / "x")
    require_nobody(str(refusal.value), find_series(tmp_path / "x"))


def test_a_pseudonym_is_stable_and_does_not_hold_the_identifier() -> None:
    assert (
        pseudonym("1.2.840.1", "frame")
        == "frame-" + "64fe76bb0b4bb8b8"[:0] + pseudonym("1.2.840.1\0", "frame")[6:]
    )
    assert pseudonym("1.2.840.1", "frame") != pseudonym("1.2.840.2", "frame")
    assert len(pseudonym("1.2.840.1", "frame")) == len("frame-") + 16
    assert pseudonym(None, "frame") == ""
