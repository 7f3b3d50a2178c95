"""Real bones with a random lesion in each, ready for ways: shared by the property tests."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy.ndimage import distance_transform_edt

from osteoplan.anatomy.neighbours import with_neighbours
from osteoplan.anatomy.read import bone_on_scan, build_anatomy
from osteoplan.io.nifti import read_nifti
from osteoplan.knowledge.devices import device
from osteoplan.knowledge.structures import scheme
from osteoplan.model.anatomy import Anatomy
from osteoplan.model.case import Case, Lesion
from osteoplan.model.device import Device
from osteoplan.model.volume import Volume

AROUND_MM = 60.0  # of a vertebra, along the body: what is farther has no part in its ways


def chest(data: Path, level: str) -> Case:
    """The real chest scan around one vertebra."""
    folder = data / "chest_spine"
    with (folder / "structures.csv").open() as table:
        names = {row["structure"]: int(row["id"]) for row in csv.DictReader(table)}
    ct, labels = read_nifti(folder / "cxr.nii.gz", "HU"), read_nifti(folder / "mask.nii.gz", "label")
    slices = np.flatnonzero((labels.array == names[f"vertebrae_{level}"]).any(axis=(0, 1)))
    pad = int(AROUND_MM / ct.spacing_mm[2])
    low, high = (0, 0, int(slices[0]) - pad), (*ct.shape[:2], int(slices[-1]) + pad)
    ct, labels = ct.crop(low, high), labels.crop(low, high)
    return Case("chest", ct, (), {"kind": "fixed", "kvp": 120}, labels=labels, structures=names)


def pelvis(data: Path) -> Case:
    """The real pelvis scan, 3 mm."""
    folder = data / "pelvis_hip"
    labels = read_nifti(folder / "example_seg_fast_force_split.nii.gz", "label")
    ct = read_nifti(folder / "example_ct.nii.gz", "HU")
    names = scheme("totalsegmentator")
    return Case("pelvis", ct, (), {"kind": "fixed", "kvp": 120}, labels=labels, structures=names)


def with_lesion(case: Case, bone: str, side: str, seed: int) -> Anatomy:
    """A bone of the case with a random ellipsoid in it."""
    mask = bone_on_scan(case, bone).mask
    lesion = Lesion(
        "L1", bone, side, case.ct.with_array(ellipsoid(mask, case.ct, seed), "mask"), simulated=True
    )  # type: ignore[arg-type]
    whole = replace(case, lesions=(lesion,))
    return with_neighbours(build_anatomy(whole, lesion)[0], whole)


def moved(anatomy: Anatomy, seed: int) -> Anatomy:
    """The same bone with another random lesion; nothing else is read again."""
    body = anatomy.parts.get("body", anatomy.bone_mask)
    return replace(anatomy, lesion_mask=ellipsoid(body, anatomy.image, seed))


def ellipsoid(bone: np.ndarray, grid: Volume, seed: int) -> np.ndarray:
    """A random ellipsoid around a random deep place of a bone, as far as it lies in it."""
    rng = np.random.default_rng(seed)
    depth = distance_transform_edt(bone, sampling=grid.spacing_mm)
    places = np.argwhere(depth > 0.6 * depth.max())
    centre = grid.positions_mm(places[rng.integers(len(places))])
    turn = np.linalg.qr(rng.standard_normal((3, 3)))[0]
    index = np.argwhere(bone)
    offset = (grid.positions_mm(index) - centre) @ turn / rng.uniform(6.0, 11.0, 3)
    made = np.zeros(bone.shape, dtype=bool)
    made[tuple(index[(offset**2).sum(axis=1) < 1.0].T)] = True
    return made


def cannula(diameter_mm: float) -> Device:
    """A cannula of any outer diameter."""
    one = device("cannula_11g")
    outer = replace(one.values["outer_diameter_mm"], value=diameter_mm)
    return replace(one, values={**one.values, "outer_diameter_mm": outer})
