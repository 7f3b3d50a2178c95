"""Where the development scans are, and what a skip means.

``OSTEOPLAN_DATA`` names the folder (default ``../shared/data`` from the project's root).  Under
``OSTEOPLAN_REQUIRE`` (a comma list: ``data``, ``services``) a skip for a listed reason is a failure.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
REQUIRED = {reason.strip() for reason in os.environ.get("OSTEOPLAN_REQUIRE", "").split(",") if reason.strip()}


def skip_or_fail(reason: str, message: str) -> None:
    """Skip, unless the reason is required here: then fail."""
    if reason in REQUIRED:
        pytest.fail(f"{message} (OSTEOPLAN_REQUIRE={reason})")
    pytest.skip(message)


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of development scans."""
    folder = Path(os.environ.get("OSTEOPLAN_DATA") or ROOT.parent / "shared" / "data")
    if not folder.is_dir():
        skip_or_fail("data", f"development scans not found at {folder}; set OSTEOPLAN_DATA")
    return folder


@pytest.fixture(scope="session")
def ccx() -> str:
    """CalculiX, an independent solver; Debian's package is calculix-ccx."""
    found = shutil.which("ccx")
    if found is None:
        skip_or_fail("services", "CalculiX not found: apt-get install calculix-ccx")
    return str(found)
