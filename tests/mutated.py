"""Inputs of ``init`` spoilt at random, and what ``init`` makes of them.

A mutation changes one of the files that are given, under its compression or on it: a field of a NIfTI header,
a line of a text header or table, an element of a DICOM object, or bytes (others, zeros, exchanged, cut off).
``outcome`` imports in this process: what is right is a case, or one sentence.
"""

from __future__ import annotations

import argparse
import gzip
import io
import re
import resource
import shlex
import shutil
import time
import traceback
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom

from osteoplan.errors import OsteoplanError
from osteoplan.io.nifti import read_nifti
from osteoplan.io.places import sentence_of
from osteoplan.model.volume import Volume
from osteoplan.workflow.prepare import NewCase, NewLesion, init_case
from tests import exports_made
from tests.parsed_here import parsed_here

__all__ = ["Outcome", "exported", "mutate", "of_fault", "outcome"]

HEAD = 2048  # bytes; longer than most headers, shorter than most data


@dataclass(frozen=True)
class Outcome:
    """What became of one import.

    Attributes:
        how: "read", "refused", or "traceback", which is a fault.
        words: the notes, the sentence or the traceback.
        generic: what a reader raised and nobody expected; it was told in one sentence all the same.
        values: scan, labels, lesion and the table of names, as they were written.
        seconds: of the processor.
        peak_MB: the most that this process has held so far.
    """

    how: str
    words: str
    generic: str
    values: dict[str, Volume | str]
    seconds: float
    peak_MB: float

    def changed(self, base: Outcome) -> str:
        """How the values differ from those of another outcome, in words; empty where they do not."""
        for name in {*base.values, *self.values}:
            one, other = base.values.get(name), self.values.get(name)
            if isinstance(one, Volume) and isinstance(other, Volume):
                if one.shape != other.shape or not np.allclose(one.affine, other.affine, atol=1e-3):
                    return f"{name} lies elsewhere"
                if differ := np.count_nonzero(one.array != other.array):
                    return f"{name}: {differ} voxels differ"
            elif one != other:
                return f"{name} differs"
        return ""


def outcome(new: NewCase, folder: Path) -> Outcome:
    """Import into ``folder`` / case, and take the case away again."""
    case = folder / "case"
    values: dict[str, Volume | str] = {}
    started = time.process_time()
    raised: list[Exception] = []
    try:
        with warnings.catch_warnings(), parsed_here() as raised:
            warnings.simplefilter("error")
            how, words = "read", " | ".join(init_case(case, new).notes)
            values = {one.name: read_nifti(one, "HU") for one in case.glob("*.nii.gz")}
            values |= {one.name: one.read_text() for one in case.glob("*.csv")}
    except OsteoplanError as why:
        how, words = "refused", str(why)
    except OSError as why:
        how, words = "refused", sentence_of(why)
    except Exception:
        how, words = "traceback", traceback.format_exc()
    seconds = time.process_time() - started
    left = [one.name for one in folder.glob(".init-*")]
    if how == "refused" and (case.exists() or left or "\n" in words or not words):
        how = "traceback"
    shutil.rmtree(case, ignore_errors=True)
    generic = " ".join(repr(one) for one in raised)
    peak_MB = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Outcome(how, words, generic, values, seconds, peak_MB)


def of_fault(folder: Path) -> NewCase:
    """What the ``run.sh`` of a copied fault gives to ``init``."""
    parser = argparse.ArgumentParser()
    parser.add_argument("case")
    for name in ("ct", "labels", "lesion", "names"):
        parser.add_argument(f"--{name}", type=lambda text: folder / text)
    for name in ("bone", "side", "matrix", "scheme", "part", "calibration"):
        parser.add_argument(f"--{name}")
    parser.add_argument("--kvp", type=float)
    lines = (folder / "run.sh").read_text().splitlines()
    given = parser.parse_args(shlex.split(next(one for one in lines if one.startswith("osteoplan init")))[2:])
    lesion = given.lesion and NewLesion(given.lesion, given.bone, given.side, given.part, given.matrix)
    kind = given.calibration or ("fixed" if given.kvp else "internal")
    calibration = {"kind": kind, **({"kvp": given.kvp} if given.kvp else {})}
    return NewCase(
        given.ct,
        labels=given.labels,
        lesion=lesion,
        names=given.names,
        scheme=given.scheme,
        calibration=calibration,
    )


def exported(grid: str = "oblique left-handed") -> dict[str, Callable[[Path], NewCase]]:
    """By name, what makes the files of a valid export in a folder."""

    def scan(name: str) -> Callable[[Path], NewCase]:
        return lambda folder: NewCase(exports_made.SCANS[name](exports_made.phantom(grid), folder))

    def drawn(made: Callable[..., exports_made.Arguments]) -> Callable[[Path], NewCase]:
        def new(folder: Path) -> NewCase:
            phantom = exports_made.phantom(grid)
            given = made(phantom, folder)
            part, lesion = given.pop("part", None), given.pop("lesion", None)
            found = NewCase(exports_made.dicom(phantom, folder), **given)
            if lesion is None:
                return found
            return replace(found, lesion=NewLesion(lesion, "vertebra_T12", "midline", part, "lytic"))

        return new

    return {name: scan(name) for name in exports_made.SCANS} | {
        name: drawn(made) for name, made in (exports_made.LABELS | exports_made.LESIONS).items()
    }


def mutate(new: NewCase, rng: np.random.Generator) -> tuple[str, Callable[[], None]]:
    """Spoil one of the files that are given: in words, and how to put it back."""
    given = [new.labels, new.names, new.lesion.source if new.lesion else None, new.ct]
    paths = [path for path in given if isinstance(path, Path)]
    chosen = paths[rng.integers(len(paths))]
    files = sorted(one for one in chosen.rglob("*") if one.is_file()) if chosen.is_dir() else [chosen]
    file = files[rng.integers(len(files))]
    stored = file.read_bytes()
    spoilt, words = _spoilt(stored, rng)
    file.chmod(0o644)
    file.write_bytes(spoilt)
    return f"{file.name}: {words}", lambda: _put(file, stored)


def _put(file: Path, stored: bytes) -> None:
    file.write_bytes(stored)


def _spoilt(stored: bytes, rng: np.random.Generator) -> tuple[bytes, str]:
    """Under the compression three times of four."""
    inside = rng.random() < 0.75
    if inside and stored[:2] == b"\x1f\x8b":
        try:
            spoilt, words = _changed(gzip.decompress(stored), rng)
        except Exception:  # broken already
            return _changed(stored, rng)
        return gzip.compress(spoilt, 1), words
    if inside and stored[:2] == b"PK":
        return _in_archive(stored, rng)
    return _changed(stored, rng)


def _in_archive(stored: bytes, rng: np.random.Generator) -> tuple[bytes, str]:
    with zipfile.ZipFile(io.BytesIO(stored)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    one, other = (list(members)[at] for at in rng.integers(len(members), size=2))
    match rng.integers(4):
        case 0:
            members[one], members[other], words = members[other], members[one], f"{one} and {other} exchanged"
        case 1:
            del members[one]
            words = f"{one} gone"
        case _:
            members[one], words = _changed(members[one], rng)
            words = f"{one}: {words}"
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return packed.getvalue(), words


def _changed(stored: bytes, rng: np.random.Generator) -> tuple[bytes, str]:
    """By what the file is made of, half of the time."""
    if rng.random() < 0.5:
        if stored[:4] == b"\x5c\x01\x00\x00":
            return _field(stored, rng)
        if stored[:4] == b"NRRD" or b"ElementDataFile" in stored[:HEAD] or b"\0" not in stored[:HEAD]:
            return _line(stored, rng)
        if stored[128:132] == b"DICM":
            try:
                return _element(stored, rng)
            except Exception:  # pydicom does not write it
                pass
    return _bytes(stored, rng)


ODD = (0, -1, 1, 2, 5, 300, 1e-3, 1e30, float("nan"), float("inf"), -1024)


def _field(stored: bytes, rng: np.random.Generator) -> tuple[bytes, str]:
    """One number of a NIfTI header."""
    header = np.frombuffer(stored[:348], nib.nifti1.header_dtype).copy()
    name = rng.choice([name for name in header.dtype.names if header[name].dtype.kind in "iuf"])
    flat = header[name].reshape(-1)
    at, value = rng.integers(flat.size), ODD[rng.integers(len(ODD))]
    with np.errstate(all="ignore"):
        flat[at] = np.float64(value).astype(flat.dtype)
    header[name] = flat.reshape(header[name].shape)
    return header.tobytes() + stored[348:], f"{name}[{at}] = {value}"


def _line(stored: bytes, rng: np.random.Generator) -> tuple[bytes, str]:
    """One line of a text: gone, twice, or with another number."""
    end = stored.find(b"\n\n") if stored[:4] == b"NRRD" else stored.find(b"ElementDataFile")
    end = len(stored) if end < 0 else end
    lines = stored[:end].split(b"\n")
    at = int(rng.integers(len(lines)))
    old, numbers = lines[at], [*re.finditer(rb"-?[\d.]+", lines[at])]
    match rng.integers(4):
        case 0:
            lines[at : at + 1] = []
        case 1:
            lines.insert(at, old)
        case _ if numbers:
            one = numbers[rng.integers(len(numbers))]
            lines[at] = old[: one.start()] + str(ODD[rng.integers(len(ODD))]).encode() + old[one.end() :]
        case _:
            lines[at] = old[::-1]
    return b"\n".join(lines) + stored[end:], f"line {at}: {old[:60]!r}"


def _element(stored: bytes, rng: np.random.Generator) -> tuple[bytes, str]:
    """One element of a DICOM object, at any depth: gone, empty, other values, items twice or missing."""
    dataset = pydicom.dcmread(io.BytesIO(stored))
    found: list[tuple[pydicom.Dataset, pydicom.DataElement]] = []
    dataset.walk(lambda where, element: found.append((where, element)))
    keywords = sorted({element.keyword for _, element in found})
    keyword = keywords[rng.integers(len(keywords))]
    having = [(where, element) for where, element in found if element.keyword == keyword]
    where, element = having[rng.integers(len(having))]
    action = int(rng.integers(4))
    if action == 0:
        del where[element.tag]
    elif action == 1:
        element.value = [] if element.VR == "SQ" else None
    elif element.VR == "SQ":
        element.value = [*element.value, *element.value] if action == 2 else element.value[:-1]
    else:
        value = ODD[rng.integers(len(ODD))]
        whole = element.VR in ("US", "UL", "SS", "SL", "IS")
        changed = int(value) % 60000 if whole and np.isfinite(value) else str(value)[:16]
        several = element.VM > 1 and rng.random() < 0.7
        element.value = [changed, *list(element.value)[1:]] if several else changed
    written = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pydicom.dcmwrite(written, dataset, enforce_file_format=False)
    return (
        written.getvalue(),
        f"{keyword}: {('gone', 'empty', 'odd', 'odder')[action]} {str(element.value)[:40]}",
    )


def _bytes(stored: bytes, rng: np.random.Generator) -> tuple[bytes, str]:
    spoilt, size = bytearray(stored), len(stored)
    reach = min(size, HEAD) if rng.random() < 0.8 else size
    if not reach:
        return stored, "empty"
    one, other = sorted(map(int, rng.integers(reach, size=2)))
    match rng.integers(6):
        case 0:
            spoilt[one] = int(rng.integers(256))
            words = f"byte {one}"
        case 1:
            spoilt[one] ^= 1 << int(rng.integers(8))
            words = f"a bit of byte {one}"
        case 2:
            spoilt[one], spoilt[other] = spoilt[other], spoilt[one]
            words = f"bytes {one} and {other} exchanged"
        case 3:
            spoilt[one : one + 8] = bytes(min(8, size - one))
            words = f"zeros from byte {one}"
        case 4:
            spoilt[one : one + 8] = rng.bytes(min(8, size - one))
            words = f"noise from byte {one}"
        case _:
            cut = int(rng.integers(size))
            del spoilt[cut:]
            words = f"cut at byte {cut} of {size}"
    return bytes(spoilt), words
