"""A foreign DICOM object opened: what it is, its frame of reference, the words that stay inside it.

All but ``apart`` runs in the child process: the file may be hostile or broken.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from osteoplan.arrays import F64
from osteoplan.errors import BadInput
from osteoplan.io.dicom.archive import Files, files_at
from osteoplan.io.dicom.child import in_child
from osteoplan.io.dicom.header import pseudonym
from osteoplan.io.dicom.limits import limits
from osteoplan.io.dicom.scan import marked
from osteoplan.knowledge import values

__all__ = ["apart", "finite", "frame_of", "opened", "private_words"]

T = TypeVar("T")


def apart(function: Callable[..., T], path: Path, *args: object) -> T:
    """``function(path, *args)`` in a child process with limits on memory and time."""
    memory_MB, seconds = (values.number(f"dicom.child_{name}") for name in ("memory_MB", "time_s"))
    return in_child(function, path, *args, memory_MB=memory_MB, seconds=seconds)


def opened(path: Path, classes: Collection[str], what: str) -> Any:
    """The data set of a DICOM file of one of these SOP classes, or of the only such file in a folder or zip.

    Raises:
        BadInput: no such file, not DICOM, cut off, another kind of object, or several.
    """
    import pydicom
    from pydicom.uid import UID

    if not path.exists():
        raise BadInput(f"{path.name}: no such file; check the path in case.yaml")
    files = files_at(path, limits())
    fitting = [n for n in range(len(files)) if len(files) == 1 or _class_of(files, n) in classes]
    if len(fitting) != 1:
        raise BadInput(f"{path.name}: of {len(files)} files {len(fitting)} are {what}; give one file")
    try:
        with files.open(fitting[0]) as stream:
            dataset = pydicom.dcmread(marked(stream))
        found = str(dataset.get("SOPClassUID", ""))
    except Exception as why:  # pydicom raises what the broken bytes happen to hit
        raise BadInput(
            f"{path.name}: not a readable DICOM file ({type(why).__name__}); export it again"
        ) from None
    if found not in classes:
        name = UID(found).name if found else "an object without a SOP class"
        kind = name if name != found else "an object of an unknown class"  # never what the header says
        raise BadInput(f"{path.name}: is {kind}, not {what}; choose the file that holds {what}")
    return dataset


def _class_of(files: Files, number: int) -> str:
    """The SOP class of one of several files; "" of what is no DICOM."""
    import pydicom

    try:
        with files.open(number) as stream:
            head = pydicom.dcmread(marked(stream), stop_before_pixels=True, specific_tags=["SOPClassUID"])
        return str(head.get("SOPClassUID", ""))
    except Exception:  # as above
        return ""


def finite(path: Path, values: object, count: int, name: str) -> F64:
    """``count`` finite numbers out of a DICOM attribute.

    Raises:
        BadInput: absent, another count, or not finite.
    """
    try:
        numbers = np.atleast_1d(np.asarray(values, dtype=np.float64))
    except (TypeError, ValueError):
        numbers = np.full(0, np.nan)
    if numbers.shape != (count,) or not np.isfinite(numbers).all():
        raise BadInput(f"{path.name}: {name} is not {count} finite number(s); export it again")
    return numbers


def frame_of(uid: object) -> str | None:
    """Pseudonym of a frame of reference; None where there is none."""
    return pseudonym(uid, "frame") or None


def private_words(dataset: Any) -> tuple[str, ...]:
    """Words of the patient's and the staff's names and numbers, three letters long or more."""
    words: set[str] = set()
    for keyword in _PRIVATE:
        for part in str(dataset.get(keyword, "") or "").replace("=", "^").split("^"):
            words |= {word.strip(".,") for word in part.split() if len(word.strip(".,")) > 2}
    return tuple(sorted(words))


_PRIVATE = (
    "PatientName", "PatientID", "OtherPatientNames", "OtherPatientIDs", "PatientBirthName",
    "PatientBirthDate", "AccessionNumber", "ReferringPhysicianName", "OperatorsName",
    "PerformingPhysicianName", "ContentCreatorName",
)  # fmt: skip
