"""Verify: closed forms and published answers, computed now.

Published answers need scans that are not part of the package: their folder is ``OSTEOPLAN_DATA``, by default
``../shared/data`` of the working directory.  Without it those cases stay open with their reason.
"""

from __future__ import annotations

import os
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy.typing as npt

from osteoplan.errors import NotAvailable
from osteoplan.io.nifti import read_nifti
from osteoplan.verification.cases import Load, cases, ids
from osteoplan.workflow.progress import Progress, quiet, stage

__all__ = ["data_folder", "loader", "verification_document"]


def data_folder() -> Path:
    """Where the development scans are looked for."""
    return Path(os.environ.get("OSTEOPLAN_DATA") or Path("..") / "shared" / "data")


def loader(folder: Path) -> Load:
    """Arrays by their path below the folder, in index order."""

    def load(name: str) -> npt.NDArray[Any]:
        if not (folder / name).is_file():
            raise NotAvailable(f"{Path(name).name} is not in {folder}; set OSTEOPLAN_DATA")
        return read_nifti(folder / name, "MPa").array

    return load


def verification_document(*, progress: Progress = quiet) -> dict[str, Any]:
    """``{"cases": [{"id", "title", "expected", "got", "tolerance", "ok", "source", ...}], "seconds": ...}``.

    A case that could not run has ``got`` and ``ok`` null and says why in ``reason``; ``note`` tells what else
    was seen.
    """
    start = time.perf_counter()
    found = []
    stage(progress, "closed forms (compiling on the first run)", 0.0, 0.3)
    for n, case in enumerate(cases(loader(data_folder())), start=1):
        found.append({**asdict(case), "ok": case.ok})
        stage(progress, f"{case.id}: {case.title}", n / len(ids()), 1.0)
    return {"cases": found, "seconds": round(time.perf_counter() - start, 1)}
