"""Put a simulated lesion into a case: a new image beside the old one, the mask, and the truth."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from osteoplan.anatomy.place import centre_at_wall
from osteoplan.anatomy.read import bone_and_frame
from osteoplan.anatomy.simulate import LesionMatrix, simulate_lesion
from osteoplan.anatomy.vertebra import Vertebra
from osteoplan.errors import AlreadyExists
from osteoplan.io.case import CaseFile, read_case_file, read_images
from osteoplan.io.nifti import write_nifti
from osteoplan.io.plan_json import INTENDED_USE
from osteoplan.io.yaml import read_yaml, write_text, write_yaml
from osteoplan.model.anatomy import Mask
from osteoplan.model.case import Case
from osteoplan.model.volume import Volume
from osteoplan.workflow.progress import Progress, quiet, stage

__all__ = ["LesionRecipe", "simulate_lesion_in"]


@dataclass(frozen=True)
class LesionRecipe:
    """What lesion to make.

    Attributes:
        axes_mm: full axes along left, posterior and superior of the bone.
        wall_mm: gap to the posterior wall; used where no centre is given.
        centre_mm: LPS [mm].
    """

    id: str
    bone: str
    side: str
    matrix: LesionMatrix
    axes_mm: tuple[float, float, float]
    wall_mm: float | None = None
    centre_mm: tuple[float, float, float] | None = None
    seed: int = 1


def simulate_lesion_in(
    folder: Path,
    recipe: LesionRecipe,
    *,
    force: bool = False,
    progress: Progress = quiet,
    span: tuple[float, float] = (0.0, 1.0),
) -> dict[str, Any]:
    """Simulate a lesion in a case folder; returns its truth.

    The image named by ``images.ct`` becomes ``images.ct_before``, untouched; case.yaml is written last.

    Raises:
        AlreadyExists: the case has a simulated lesion, or one with this id, and ``force`` was not given.
        BadInput: the case has no labels, or not this bone.
    """
    start, end = span
    share = (end - start) / 4
    stage(progress, "reading the scan", start, start + share)
    file = read_case_file(folder)
    _require_new(folder, file, recipe, force=force)
    original = file.images.ct_before or file.images.ct
    ct, bone, vertebra = _scan_and_bone(folder, file, original, recipe.bone)
    stage(progress, "placing the lesion", start + share, start + 2 * share)
    wall_mm = 0.0 if recipe.wall_mm is None else recipe.wall_mm
    left_mm = {"left": 0.5, "right": -0.5}.get(recipe.side, 0.0) * recipe.axes_mm[0]
    centre = recipe.centre_mm or centre_at_wall(vertebra, recipe.axes_mm, wall_mm=wall_mm, left_mm=left_mm)
    made = simulate_lesion(
        ct, bone, centre_mm=centre, axes_mm=recipe.axes_mm, frame_axes=vertebra.frame.axes,
        matrix=recipe.matrix, seed=recipe.seed,
    )  # fmt: skip
    stage(progress, "writing the scan with the lesion", start + 2 * share, end)
    names = {key: f"{key}_{recipe.id}.nii.gz" for key in ("ct", "lesion")}
    truth = {
        "intended_use": INTENDED_USE,
        **made.truth,
        "bone": recipe.bone,
        "original": original,
        "file": f"truth_{recipe.id}.json",
    }
    write_nifti(made.ct, folder / names["ct"])
    write_nifti(ct.with_array(made.mask, "mask"), folder / names["lesion"])
    write_text(folder / truth["file"], json.dumps(truth, indent=1) + "\n")
    write_yaml(folder / "case.yaml", _document(folder, recipe, names, original, truth["file"]))
    return truth


def _require_new(folder: Path, file: CaseFile, recipe: LesionRecipe, *, force: bool) -> None:
    if force:
        return
    if file.images.ct_before:
        raise AlreadyExists(f"{folder} has a simulated lesion already; --force puts this one in its place")
    if any(lesion.id == recipe.id for lesion in file.lesions):
        raise AlreadyExists(f"{folder} has a lesion {recipe.id} already; give another --id, or --force")


def _scan_and_bone(folder: Path, file: CaseFile, original: str, bone: str) -> tuple[Volume, Mask, Vertebra]:
    """The scan without any simulated lesion, the mask of the bone on it, and the bone's geometry."""
    ct, labels, structures = read_images(folder, file, original)
    without_lesion = Case(file.id, ct, (), file.images.calibration, labels, structures)
    return ct, *bone_and_frame(without_lesion, bone)


def _document(
    folder: Path, recipe: LesionRecipe, names: dict[str, str], original: str, truth: str
) -> dict[str, Any]:
    """case.yaml with the lesion in it; a lesion of the same id is replaced, others stop being the target."""
    document = read_yaml(folder / "case.yaml")
    document["images"]["ct"], document["images"]["ct_before"] = names["ct"], original
    others = [{**lesion, "target": False} for lesion in document["lesions"] if lesion["id"] != recipe.id]
    lesion = {
        "id": recipe.id,
        "bone": recipe.bone,
        "side": recipe.side,
        "level_confirmed": False,
        "target": True,
        "mask": names["lesion"],
        "matrix": recipe.matrix,
        "simulated": True,
        "truth": truth,
        "facts": {},
    }
    document["lesions"] = [lesion, *others]
    return document
