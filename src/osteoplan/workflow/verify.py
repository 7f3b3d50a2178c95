"""Verify: closed forms and published answers, computed now.

Published answers need scans that are not part of the package: their folder is ``OSTEOPLAN_DATA``, by default
``../shared/data`` of the working directory.  Without it those cases stay open with their reason.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

from osteoplan.arrays import Array
from osteoplan.errors import NotAvailable
from osteoplan.io.nifti import read_nifti
from osteoplan.verification.cases import Load, VerificationCase, cases, ids
from osteoplan.workflow.progress import Progress, quiet, stage

__all__ = ["Verified", "data_folder", "loader", "verify"]


def data_folder() -> Path:
    """Where the development scans are looked for."""
    return Path(os.environ.get("OSTEOPLAN_DATA") or Path("..") / "shared" / "data")


def loader(folder: Path) -> Load:
    """Arrays by their path below the folder, in index order."""

    def load(name: str) -> Array:
        if not (folder / name).is_file():
            raise NotAvailable(f"{Path(name).name} is not in {folder}; set OSTEOPLAN_DATA")
        return read_nifti(folder / name, "MPa").array

    return load


@dataclass(frozen=True)
class Verified:
    """Every case of the proof, and how long it took; one that could not run says why."""

    cases: tuple[VerificationCase, ...]
    seconds: float


def verify(*, progress: Progress = quiet) -> Verified:
    """Compute every case now."""
    start = time.perf_counter()
    found = []
    stage(progress, "closed forms (compiling on the first run)", 0.0, 0.3)
    for n, case in enumerate(cases(loader(data_folder())), start=1):
        found.append(case)
        stage(progress, f"{case.id}: {case.title}", n / len(ids()), 1.0)
    return Verified(tuple(found), round(time.perf_counter() - start, 1))
