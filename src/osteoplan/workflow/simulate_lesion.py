"""Put a simulated lesion into a case: a new image beside the old one, the mask, and the truth.

Lesions add up: another id goes into the scan that holds the earlier ones.  ``images.ct_before`` stays the
first scan, so that every lesion is compared with the bone as it was; after a collapse there is no such scan,
because the bone has moved.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from osteoplan.anatomy.place import Where, centre_at_wall, centre_in
from osteoplan.anatomy.read import BoneOnScan, bone_on_scan
from osteoplan.anatomy.simulate import Breach, Collapse, LesionMatrix, LesionShape, Recipe, simulate
from osteoplan.arrays import Point
from osteoplan.errors import AlreadyExists, BadInput
from osteoplan.io.case import read_images
from osteoplan.io.case_file import CaseFile, LesionFile, read_case_file
from osteoplan.io.documents import INTENDED_USE
from osteoplan.io.label_names import write_names
from osteoplan.io.nifti import write_nifti
from osteoplan.io.yaml import read_yaml, write_text, write_yaml
from osteoplan.model.anatomy import BoneFrame
from osteoplan.model.case import Case
from osteoplan.model.spot import Spot
from osteoplan.model.volume import Volume
from osteoplan.workflow.progress import Progress, quiet, stage

__all__ = ["LesionRecipe", "simulate_lesion_in"]


@dataclass(frozen=True)
class LesionRecipe:
    """What lesion to make, and where.

    Attributes:
        axes_mm: full axes along left, posterior and superior of the bone.
        wall_mm: gap to a vertebra's posterior wall, where neither ``centre_mm`` nor ``at`` is given.
        centre_mm: LPS [mm], or a spot.
        at: a place in any bone instead: its depth, or its surface towards a side, ``inset_mm`` below it, at
            ``height_mm`` along the bone's superior axis.
        above_socket_mm: in a hemipelvis instead: the deepest place so far above the socket's sphere.
        breach, soft_tissue_mm, rim_mm, collapse, shape, cortex: as in ``anatomy.simulate.Recipe``.
    """

    id: str
    bone: str
    side: str
    matrix: LesionMatrix
    axes_mm: Point
    wall_mm: float | None = None
    centre_mm: Point | Spot | None = None
    at: Where | None = None
    above_socket_mm: float | None = None
    height_mm: float | None = None
    inset_mm: float = 0.0
    shape: LesionShape = "irregular"
    cortex: Literal["as_reached", "spared"] = "as_reached"
    breach: Breach | None = None
    soft_tissue_mm: float = 0.0
    rim_mm: float = 0.0
    collapse: Collapse | None = None
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

    Files are written beside each other and case.yaml last, so that it never names one that is not there.

    Raises:
        AlreadyExists: the case has a lesion with this id, and ``force`` was not given.
        BadInput: the case has no labels, or not this bone; or a collapse under lesions that would not move.
    """
    start, end = span
    share = (end - start) / 4
    stage(progress, "reading the scan", start, start + share)
    file = read_case_file(folder)
    base, original = _base(folder, file, recipe, force=force)
    images = read_images(folder, file, base)
    case = Case(file.id, images.ct, (), file.images.calibration, images.labels, images.structures)
    bone = bone_on_scan(case, recipe.bone)
    stage(progress, "placing the lesion", start + share, start + 2 * share)
    made = simulate(
        images.ct, bone.mask, _recipe(recipe, images.ct, bone), frame=bone.frame, labels=case.label_map,
        seed=recipe.seed,
    )  # fmt: skip
    stage(progress, "writing the scan with the lesion", start + 2 * share, end)
    truth = {
        "intended_use": INTENDED_USE,
        **made.truth,
        "bone": recipe.bone,
        "original": original,
        "file": f"truth_{recipe.id}.json",
    }
    document = _document(folder, recipe, original, truth["file"])
    write_nifti(made.ct, folder / document["images"]["ct"])
    write_nifti(images.ct.with_array(made.mask, "mask"), folder / f"lesion_{recipe.id}.nii.gz")
    if recipe.collapse is not None and made.labels is not None:
        _write_moved_labels(folder, document, made.labels.volume, made.labels.values, recipe.id)
    write_text(folder / truth["file"], json.dumps(truth, indent=1) + "\n")
    write_yaml(folder / "case.yaml", document)
    return truth


def _base(folder: Path, file: CaseFile, recipe: LesionRecipe, *, force: bool) -> tuple[str, str]:
    """The image that the lesion goes into, and the scan before any simulated lesion."""
    others = [one for one in file.lesions if one.simulated and one.id != recipe.id]
    same = [one for one in file.lesions if one.id == recipe.id]
    if same and not force:
        raise AlreadyExists(f"{folder} has a lesion {recipe.id} already; give another --id, or --force")
    if others and (recipe.collapse is not None or (same and same[0].simulated)):
        raise BadInput(
            f"{folder} holds simulated lesion {others[0].id} as well, which a collapse would leave "
            "behind and which cannot be taken out of the scan again: make a new case"
        )
    if same and same[0].simulated:
        first = _original(folder, same[0]) or file.images.ct_before or file.images.ct
        return first, first
    return file.images.ct, file.images.ct_before or file.images.ct


def _original(folder: Path, lesion: LesionFile) -> str | None:
    """The scan that a lesion was put into, as its truth tells."""
    path = folder / (lesion.truth or "")
    if lesion.truth is None or not path.is_file():
        return None
    return str(json.loads(path.read_text(encoding="utf-8"))["original"])


def _recipe(recipe: LesionRecipe, ct: Volume, bone: BoneOnScan) -> Recipe:
    return Recipe(
        centre_mm=_centre(recipe, ct, bone), axes_mm=recipe.axes_mm, matrix=recipe.matrix,
        shape=recipe.shape, cortex=recipe.cortex, breach=recipe.breach, rim_mm=recipe.rim_mm,
        soft_tissue_mm=recipe.soft_tissue_mm, collapse=recipe.collapse, id=recipe.id,
    )  # fmt: skip


def _centre(recipe: LesionRecipe, ct: Volume, bone: BoneOnScan) -> Point:
    """Where the lesion's middle lies [LPS mm]."""
    if isinstance(recipe.centre_mm, Spot):
        return recipe.centre_mm.on(ct)
    if recipe.centre_mm is not None:
        return recipe.centre_mm
    if recipe.above_socket_mm is not None:
        socket = _socket(bone, recipe.bone)
        height = socket.lengths_mm["radius"] + recipe.above_socket_mm
        return centre_in(ct.with_array(bone.mask, "mask"), socket, height_mm=height)
    if recipe.at is not None or bone.vertebra is None:
        mask = ct.with_array(bone.mask, "mask")
        where: Where = recipe.at or "centre"
        return centre_in(mask, bone.frame, where, height_mm=recipe.height_mm, inset_mm=recipe.inset_mm)
    left_mm = {"left": 0.5, "right": -0.5}.get(recipe.side, 0.0) * recipe.axes_mm[0]
    return centre_at_wall(bone.vertebra, recipe.axes_mm, wall_mm=recipe.wall_mm or 0.0, left_mm=left_mm)


def _socket(bone: BoneOnScan, name: str) -> BoneFrame:
    if "acetabulum" not in bone.frames:
        raise BadInput(f"no socket was found in {name}: give the lesion's centre [LPS mm]")
    return bone.frames["acetabulum"]


def _document(folder: Path, recipe: LesionRecipe, original: str, truth: str) -> dict[str, Any]:
    """case.yaml with the lesion in it; a lesion of the same id is replaced, others stop being the target."""
    document = read_yaml(folder / "case.yaml")
    document["images"]["ct"] = f"ct_{recipe.id}.nii.gz"
    document["images"]["ct_before"] = original
    if recipe.collapse is not None:
        del document["images"]["ct_before"]
    others = [{**lesion, "target": False} for lesion in document["lesions"] if lesion["id"] != recipe.id]
    lesion = {
        "id": recipe.id,
        "bone": recipe.bone,
        "side": recipe.side,
        "level_confirmed": False,
        "target": True,
        "mask": f"lesion_{recipe.id}.nii.gz",
        "matrix": recipe.matrix,
        "simulated": True,
        "truth": truth,
        "facts": {},
    }
    document["lesions"] = [lesion, *others]
    return document


def _write_moved_labels(
    folder: Path, document: dict[str, Any], labels: Volume, names: Mapping[str, int], id: str
) -> None:
    """Labels that moved with a collapse, in a file of their own."""
    write_nifti(labels, folder / f"labels_{id}.nii.gz")
    write_names(names, folder / f"structures_{id}.csv")
    document["images"]["labels"] = {"file": f"labels_{id}.nii.gz", "names": f"structures_{id}.csv"}
