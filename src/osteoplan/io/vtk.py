"""A solved voxel body for ParaView and 3D Slicer: an image (``.vti``) or hexahedra and rods (``.vtu``).

Positions are LPS mm.  Vectors and tensors are turned from the array's axes into patient space; tensors are
true ones (shear strain eps, not gamma) in VTK's order XX, YY, ZZ, XY, YZ, XZ.  NaN stands where no voxel was
solved.

Arrays are stored inline, base64 of zlib blocks, little endian, with 64-bit headers.
Source: VTK File Formats (Kitware), XML formats.  Tests: tests/roundtrip/test_vtk.py.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from osteoplan.arrays import F64, Array
from osteoplan.errors import BadInput
from osteoplan.io.yaml import write_text
from osteoplan.mechanics.voxels.solve import VoxelSolution

__all__ = ["RodLine", "write_vti", "write_vtu"]

HEXAHEDRON, LINE = 12, 3  # cell types of VTK
BLOCK = 1 << 20
TYPES = {"f4": "Float32", "f8": "Float64", "i4": "Int32", "i8": "Int64", "u1": "UInt8"}
# Corner a = 4 di + 2 dj + dk of ours -> VTK's: around the lower face, then around the upper one.
AROUND = [0, 4, 6, 2, 1, 5, 7, 3]
AROUND_LEFT = [0, 2, 6, 4, 1, 3, 7, 5]  # the same seen in a mirror, so that no volume is negative
OURS_TO_VTK = [0, 1, 2, 5, 3, 4]  # xx yy zz yz zx xy -> XX YY ZZ XY YZ XZ
NAMES = {3: ("X", "Y", "Z"), 6: ("XX", "YY", "ZZ", "XY", "YZ", "XZ")}


@dataclass(frozen=True, eq=False)
class RodLine:
    """A rod as its axis: ``points_mm`` (n, 3) LPS, ``displacement_mm`` (n, 3) or None, ``radius_mm``."""

    points_mm: F64
    radius_mm: float
    displacement_mm: F64 | None = None


def write_vti(path: Path, solution: VoxelSolution, affine: F64) -> None:
    """Fields on the grid: modulus, strain, stress on voxels, displacement and reaction on their corners.

    Args:
        path: the file; written beside, then renamed.
        affine: (4, 4) voxel index -> LPS mm of its centre; its edges are those of the solution.

    Raises:
        BadInput: the affine has other edges than the solution.
    """
    turn = _direction(affine, solution)
    shape = solution.problem.mesh.shape
    extent = " ".join(f"0 {n}" for n in shape)
    origin = affine[:3, :3] @ np.full(3, -0.5) + affine[:3, 3]
    cells = {name: _fortran(values) for name, values in _of_cells(solution, turn).items()}
    points = {name: _fortran(values @ turn.T) for name, values in _of_points(solution).items()}
    piece = f'<Piece Extent="{extent}">\n{_data("PointData", points)}{_data("CellData", cells)}</Piece>\n'
    head = (
        f'<ImageData WholeExtent="{extent}" Origin="{_numbers(origin)}" '
        f'Spacing="{_numbers(solution.spacing_mm)}" Direction="{_numbers(turn.ravel())}">\n'
    )
    write_text(path, _file("ImageData", f"{head}{piece}</ImageData>\n"))


def write_vtu(path: Path, solution: VoxelSolution, affine: F64, rods: Sequence[RodLine] = ()) -> None:
    """One hexahedron for each voxel that was solved, and one line for each piece of a rod.

    Cell array ``rod`` is 0 for a voxel and the number of the rod from 1 for its pieces, whose other fields
    are NaN.  Arguments and errors are those of ``write_vti``.
    """
    turn = _direction(affine, solution)
    mesh = solution.problem.mesh
    hexes = mesh.corners[:, AROUND_LEFT if np.linalg.det(turn) < 0 else AROUND].astype(np.int64)
    places = (mesh.nodes - 0.5) @ affine[:3, :3].T + affine[:3, 3]
    pieces, rod_of = _pieces(rods, first=len(places))
    places = np.concatenate([places, *(np.asarray(rod.points_mm, dtype=float) for rod in rods)])
    lengths = np.repeat([8, 2], [len(hexes), len(pieces)])
    kinds = np.repeat(np.array([HEXAHEDRON, LINE], dtype=np.uint8), [len(hexes), len(pieces)])
    points = {
        name: np.concatenate([values[tuple(mesh.nodes.T)] @ turn.T, *(_of_rod(rod, name) for rod in rods)])
        for name, values in _of_points(solution).items()
    }
    cells = {
        name: _with_pieces(values[tuple(mesh.cells.T)], len(pieces))
        for name, values in _of_cells(solution, turn).items()
    }
    cells["rod"] = np.concatenate([np.zeros(len(hexes), dtype=np.int32), rod_of])
    radii = np.array([np.nan, *(rod.radius_mm for rod in rods)])
    cells["radius_mm"] = radii[cells["rod"]]
    piece = (
        f'<Piece NumberOfPoints="{len(places)}" NumberOfCells="{len(kinds)}">\n'
        f"<Points>\n{_array('Points', places)}</Points>\n"
        f"<Cells>\n{_array('connectivity', np.concatenate([hexes.ravel(), pieces.ravel()]))}"
        f"{_array('offsets', np.cumsum(lengths))}{_array('types', kinds)}</Cells>\n"
        f"{_data('PointData', points)}{_data('CellData', cells)}</Piece>\n"
    )
    write_text(path, _file("UnstructuredGrid", f"<UnstructuredGrid>\n{piece}</UnstructuredGrid>\n"))


def _pieces(rods: Sequence[RodLine], *, first: int) -> tuple[Array, Array]:
    """(points of each piece of a rod (n, 2), number of its rod), points counted from ``first``."""
    pieces, numbers = [np.zeros((0, 2), dtype=np.int64)], [np.zeros(0, dtype=np.int32)]
    for number, rod in enumerate(rods, start=1):
        along = first + np.arange(len(rod.points_mm))
        pieces.append(np.stack([along[:-1], along[1:]], axis=1))
        numbers.append(np.full(len(along) - 1, number, dtype=np.int32))
        first += len(along)
    return np.concatenate(pieces), np.concatenate(numbers)


def _with_pieces(values: Array, count: int) -> Array:
    return np.concatenate([values, np.full((count, *values.shape[1:]), np.nan, values.dtype)])


def _of_points(solution: VoxelSolution) -> dict[str, F64]:
    return {"displacement_mm": solution.displacement_mm, "reaction_N": solution.reaction_N}


def _of_cells(solution: VoxelSolution, turn: F64) -> dict[str, Array]:
    """Scalars and tensors of the voxels, in patient space."""
    true = solution.strain * np.array([1.0, 1.0, 1.0, 0.5, 0.5, 0.5])
    return {
        "modulus_MPa": solution.modulus_MPa.astype(np.float32),
        "strain": _turned(true, turn).astype(np.float32),
        "stress_MPa": _turned(solution.stress_MPa, turn).astype(np.float32),
    }


def _turned(tensor: F64, turn: F64) -> F64:
    """(..., 6) xx yy zz yz zx xy in the array's axes -> XX YY ZZ XY YZ XZ in patient space."""
    full = tensor[..., [[0, 5, 4], [5, 1, 3], [4, 3, 2]]]
    full = turn @ full @ turn.T
    return full[..., [0, 1, 2, 1, 2, 0], [0, 1, 2, 2, 0, 1]][..., OURS_TO_VTK]


def _of_rod(rod: RodLine, name: str) -> F64:
    if name == "displacement_mm" and rod.displacement_mm is not None:
        return rod.displacement_mm
    return np.full(np.shape(rod.points_mm), np.nan)


def _direction(affine: F64, solution: VoxelSolution) -> F64:
    """(3, 3) unit axes of the array in patient space, as columns."""
    edges = np.linalg.norm(affine[:3, :3], axis=0)
    if not np.allclose(edges, solution.spacing_mm, rtol=1e-6):
        raise BadInput(
            f"the affine has voxels of {_numbers(edges)} mm and the solution of "
            f"{_numbers(solution.spacing_mm)} mm: give the affine of the grid that was solved"
        )
    turn: F64 = affine[:3, :3] / edges
    return turn


def _fortran(values: Array) -> Array:
    """(ni, nj, nk, ...) -> rows with i running fastest, as VTK counts."""
    return values.transpose(2, 1, 0, *range(3, values.ndim)).reshape(-1, *values.shape[3:])


def _file(kind: str, body: str) -> str:
    return (
        '<?xml version="1.0"?>\n'
        f'<VTKFile type="{kind}" version="1.0" byte_order="LittleEndian" header_type="UInt64" '
        f'compressor="vtkZLibDataCompressor">\n{body}</VTKFile>\n'
    )


def _data(where: str, arrays: Mapping[str, Array]) -> str:
    return f"<{where}>\n{''.join(_array(name, values) for name, values in arrays.items())}</{where}>\n"


def _array(name: str, values: Array) -> str:
    """One DataArray: compressed blocks after a header of their sizes."""
    of = values.dtype.newbyteorder("<")
    components = values.shape[1] if values.ndim == 2 else 1
    named = "".join(
        f' ComponentName{n}="{one}"'
        for n, one in enumerate(NAMES.get(components, ()) if name != "Points" else ())
    )
    return (
        f'<DataArray type="{TYPES[of.str[1:]]}" Name="{name}" NumberOfComponents="{components}"{named} '
        f'format="binary">{_packed(np.ascontiguousarray(values, dtype=of).tobytes())}</DataArray>\n'
    )


def _packed(raw: bytes) -> str:
    blocks = [zlib.compress(raw[at : at + BLOCK], 1) for at in range(0, len(raw), BLOCK)]
    sizes = [len(blocks), BLOCK, len(raw) % BLOCK, *(len(block) for block in blocks)]
    head = np.array(sizes, dtype="<u8").tobytes()
    return base64.b64encode(head).decode() + base64.b64encode(b"".join(blocks)).decode()


def _numbers(values: Any) -> str:
    return " ".join(f"{value:.17g}" for value in np.ravel(values))
