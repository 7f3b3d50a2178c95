"""A voxel body as an input deck for CalculiX, so that a sceptic can compute it again.

Element C3D8, one for each voxel.  Units N, mm, MPa.  Coordinates are the array's own (x along i), with corner
(0, 0, 0) of the array at the origin; the deck's head tells the affine to patient space.  The deck prints the
sum of the reactions of the nodes that are moved and of those that are held (``.dat``), and displacements,
stresses and strains (``.frd``).

CalculiX reads 20 characters of a number: twelve digits are written.
Source: Dhondt, CalculiX CrunchiX user's manual 2.20.  Tests: tests/roundtrip/test_calculix.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from osteoplan.arrays import F64, Indices
from osteoplan.errors import BadInput
from osteoplan.io.yaml import write_text
from osteoplan.mechanics.voxels.problem import VoxelProblem

__all__ = ["deck", "write_deck"]

# Corner a = 4 di + 2 dj + dk of ours -> C3D8: around the lower face, then around the upper one.
AROUND = [0, 4, 6, 2, 1, 5, 7, 3]


def write_deck(path: Path, problem: VoxelProblem, affine: F64, *, class_width: float = 0.0) -> None:
    """Write the deck; arguments are those of ``deck``."""
    write_text(path, deck(problem, affine, class_width=class_width))


def deck(problem: VoxelProblem, affine: F64, *, class_width: float = 0.0) -> str:
    """The text of a deck.

    Args:
        affine: (4, 4) voxel index -> LPS mm of its centre; told in the head.
        class_width: relative width of the classes that moduli are gathered in (each takes its geometric
            middle, at most half the width off); 0 keeps every modulus.

    Raises:
        BadInput: a class width that is negative.
    """
    return "".join(f"{line}\n" for line in _lines(problem, affine, class_width))


def _lines(problem: VoxelProblem, affine: F64, class_width: float) -> Iterator[str]:
    mesh = problem.mesh
    moduli, of = _classes(problem.modulus_MPa, class_width)
    off = float(np.abs(moduli[of] / problem.modulus_MPa - 1.0).max())
    yield "** osteoplan: research use only, not a medical device.  Units N, mm, MPa."
    yield f"** array index -> LPS mm (voxel centres): {_row(np.asarray(affine)[:3].ravel())}"
    yield f"** moduli: {len(moduli)} materials, at most {100 * off:.2g} % off those of the voxels"
    yield "*NODE, NSET=ALL"
    for n, place in enumerate(mesh.nodes * np.array(problem.spacing_mm), start=1):
        yield f"{n}, {_row(place)}"
    yield "*ELEMENT, TYPE=C3D8, ELSET=BODY"
    for n, corners in enumerate(mesh.corners[:, AROUND] + 1, start=1):
        yield f"{n}, {', '.join(map(str, corners))}"
    members = np.split(np.argsort(of, kind="stable"), np.cumsum(np.bincount(of))[:-1])
    for m, (modulus, elements) in enumerate(zip(moduli, members, strict=True), start=1):
        yield f"*ELSET, ELSET=E{m}"
        yield from _set(elements + 1)
        yield f"*MATERIAL, NAME=M{m}"
        yield "*ELASTIC"
        yield _row([modulus, problem.poisson])
        yield f"*SOLID SECTION, ELSET=E{m}, MATERIAL=M{m}"
    moved = (problem.fixed & (problem.prescribed_mm != 0)).any(axis=1)
    held = problem.fixed.any(axis=1) & ~moved
    sets = {name: nodes for name, nodes in (("MOVED", moved), ("HELD", held)) if nodes.any()}
    for name, nodes in sets.items():
        yield f"*NSET, NSET={name}"
        yield from _set(np.flatnonzero(nodes) + 1)
    yield "*STEP"
    yield "*STATIC"
    yield "*BOUNDARY"
    for n, c in np.argwhere(problem.fixed):
        yield f"{n + 1}, {c + 1}, {c + 1}, {problem.prescribed_mm[n, c]:.12e}"
    if problem.force_N is not None:
        yield "*CLOAD"
        for n, c in np.argwhere(problem.force_N):
            yield f"{n + 1}, {c + 1}, {problem.force_N[n, c]:.12e}"
    for name in sets:
        yield f"*NODE PRINT, NSET={name}, TOTALS=ONLY"
        yield "RF"
    yield "*NODE FILE"
    yield "U, RF"
    yield "*EL FILE"
    yield "S, E"
    yield "*END STEP"


def _classes(modulus: F64, width: float) -> tuple[F64, Indices]:
    """(moduli of the materials, material of each element)."""
    if not width >= 0.0:
        raise BadInput(f"moduli cannot be gathered in classes of width {width:g}: give 0 or more")
    if width == 0.0:
        moduli, of = np.unique(modulus, return_inverse=True)
        return moduli, of
    step = np.log1p(width)
    number, of = np.unique(np.floor(np.log(modulus) / step), return_inverse=True)
    return np.exp((number + 0.5) * step), of


def _set(numbers: Indices) -> Iterator[str]:
    for at in range(0, len(numbers), 12):
        yield ", ".join(map(str, numbers[at : at + 12])) + ","


def _row(values: Iterable[float]) -> str:
    return ", ".join(f"{value:.12e}" for value in values)
