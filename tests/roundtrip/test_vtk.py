"""VTK files, read back by others: meshio for the mesh, a plain reading of the XML for the image."""

from __future__ import annotations

import base64
import xml.etree.ElementTree as ET
import zlib

import meshio
import numpy as np
import pytest

from osteoplan.errors import BadInput
from osteoplan.io import vtk
from osteoplan.io.vtk import RodLine, write_vti, write_vtu
from tests.solved_made import GRIDS, H, affine, linear_body, mixed_body

VOIGT_OF_VTK = [(0, 0), (1, 1), (2, 2), (0, 1), (1, 2), (0, 2)]


def read_image(path):
    """(attributes, point arrays, cell arrays) with [i, j, k] indices."""
    root = ET.parse(path).getroot()
    image = root.find("ImageData")
    shape = np.array(image.get("WholeExtent").split(), dtype=int)[1::2]
    read = {}
    for where, size in (("PointData", shape + 1), ("CellData", shape)):
        arrays = image.find("Piece").find(where)
        read[where] = {
            one.get("Name"): _values(one).reshape(*size[::-1], -1).transpose(2, 1, 0, 3).squeeze()
            for one in arrays
        }
    attributes = {
        name: np.array(image.get(name).split(), dtype=float) for name in ("Origin", "Spacing", "Direction")
    }
    return attributes, read["PointData"], read["CellData"]


def _values(one):
    dtype = {"Float32": "<f4", "Float64": "<f8"}[one.get("type")]
    text = one.text.strip()
    count = int(np.frombuffer(base64.b64decode(text[:12])[:8], "<u8")[0])
    head_size = -(-8 * (3 + count) // 3) * 4
    sizes = np.frombuffer(base64.b64decode(text[:head_size]), "<u8")[3:]
    packed, raw, at = base64.b64decode(text[head_size:]), b"", 0
    for size in sizes:
        raw += zlib.decompress(packed[at : at + int(size)])
        at += int(size)
    return np.frombuffer(raw, dtype)


@pytest.mark.parametrize("grid", GRIDS)
def test_the_mesh_carries_positions_motions_and_tensors_in_patient_space(tmp_path, grid):
    """u = G x of patient space, whatever the grid's orientation: read back, it is the same G."""
    solution, G = linear_body(affine(grid))
    write_vtu(tmp_path / "body.vtu", solution, affine(grid))
    read = meshio.read(tmp_path / "body.vtu")
    np.testing.assert_allclose(read.point_data["displacement_mm"], read.points @ G.T, atol=1e-9)
    eps = (G + G.T) / 2
    strain = np.array([eps[a, b] for a, b in VOIGT_OF_VTK])
    np.testing.assert_allclose(read.cell_data["strain"][0], np.tile(strain, (30, 1)), atol=1e-9)
    first, mu = 900.0 * 0.25 / (1.25 * 0.5), 900.0 / 2.5
    sigma = first * np.trace(eps) * np.eye(3) + 2 * mu * eps
    stress = np.array([sigma[a, b] for a, b in VOIGT_OF_VTK])
    np.testing.assert_allclose(read.cell_data["stress_MPa"][0], np.tile(stress, (30, 1)), rtol=1e-5)
    np.testing.assert_allclose(read.points.min(axis=0), _corners(grid).min(axis=0), atol=1e-9)


def _corners(grid):
    ends = np.array([(i, j, k) for i in (-0.5, 1.5) for j in (-0.5, 2.5) for k in (-0.5, 4.5)])
    return ends @ affine(grid)[:3, :3].T + affine(grid)[:3, 3]


@pytest.mark.parametrize("grid", GRIDS)
def test_every_hexahedron_has_the_volume_of_a_voxel_and_not_its_negative(tmp_path, grid):
    write_vtu(tmp_path / "body.vtu", mixed_body(), affine(grid))
    read = meshio.read(tmp_path / "body.vtu")
    corners = read.points[read.cells_dict["hexahedron"]]
    a, b, c = corners[:, 1] - corners[:, 0], corners[:, 3] - corners[:, 0], corners[:, 4] - corners[:, 0]
    np.testing.assert_allclose(np.einsum("ni,ni->n", np.cross(a, b), c), np.prod(H), rtol=1e-9)
    np.testing.assert_allclose(corners[:, 6], corners[:, 0] + a + b + c, atol=1e-9)


def test_fields_stand_on_the_voxel_they_belong_to(tmp_path):
    solution = mixed_body()
    write_vtu(tmp_path / "body.vtu", solution, affine("oblique"))
    read = meshio.read(tmp_path / "body.vtu")
    centres = read.points[read.cells_dict["hexahedron"]].mean(axis=1)
    index = np.rint((centres - affine("oblique")[:3, 3]) @ np.linalg.inv(affine("oblique")[:3, :3]).T).astype(
        int
    )
    assert len(index) == 25
    np.testing.assert_allclose(
        read.cell_data["modulus_MPa"][0].ravel(), solution.modulus_MPa[tuple(index.T)], rtol=1e-6
    )


@pytest.mark.parametrize("grid", GRIDS)
def test_the_image_is_the_same_fields_in_the_same_place(tmp_path, grid):
    solution = mixed_body()
    write_vti(tmp_path / "body.vti", solution, affine(grid))
    attributes, points, cells = read_image(tmp_path / "body.vti")
    turn = attributes["Direction"].reshape(3, 3)
    np.testing.assert_allclose(turn @ np.diag(attributes["Spacing"]), affine(grid)[:3, :3], atol=1e-12)
    centre = attributes["Origin"] + turn @ (0.5 * attributes["Spacing"])
    np.testing.assert_allclose(centre, affine(grid)[:3, 3], atol=1e-9)
    np.testing.assert_allclose(cells["modulus_MPa"], solution.modulus_MPa, rtol=1e-6)
    np.testing.assert_allclose(points["displacement_mm"], solution.displacement_mm @ turn.T, atol=1e-15)
    assert np.isnan(points["displacement_mm"][2, 3]).all()
    assert np.isnan(cells["strain"][1, 2]).all()
    six = solution.strain[0, 1, 3]
    true = np.array(
        [[six[0], six[5] / 2, six[4] / 2], [six[5] / 2, six[1], six[3] / 2], [six[4] / 2, six[3] / 2, six[2]]]
    )
    turned = turn @ true @ turn.T
    np.testing.assert_allclose(cells["strain"][0, 1, 3], [turned[a, b] for a, b in VOIGT_OF_VTK], rtol=1e-5)


def test_rods_are_lines_beside_the_voxels(tmp_path):
    rod = RodLine(np.array([[0.0, 0.0, 0.0], [1.0, 2.0, 3.0], [2.0, 4.0, 6.0]]), 1.5, np.full((3, 3), 0.25))
    bare = RodLine(np.array([[5.0, 0.0, 0.0], [6.0, 0.0, 0.0]]), 0.8)
    write_vtu(tmp_path / "body.vtu", mixed_body(), affine("straight"), [rod, bare])
    read = meshio.read(tmp_path / "body.vtu")
    assert {block.type: len(block.data) for block in read.cells} == {"hexahedron": 25, "line": 3}
    np.testing.assert_allclose(read.points[read.cells_dict["line"][2]], bare.points_mm)
    np.testing.assert_allclose(read.points[-5:-2], rod.points_mm)
    np.testing.assert_allclose(read.point_data["displacement_mm"][-5:-2], 0.25)
    assert np.isnan(read.point_data["displacement_mm"][-2:]).all()
    flat = {
        name: np.concatenate([np.ravel(one) for one in read.cell_data[name]]) for name in ("rod", "radius_mm")
    }
    assert flat["rod"].tolist() == [0] * 25 + [1, 1, 2]
    assert flat["radius_mm"][-3:].tolist() == [1.5, 1.5, 0.8]


def test_a_field_longer_than_one_block_survives(tmp_path, monkeypatch):
    monkeypatch.setattr(vtk, "BLOCK", 128)
    solution = mixed_body()
    write_vti(tmp_path / "body.vti", solution, affine("straight"))
    _, points, _ = read_image(tmp_path / "body.vti")
    np.testing.assert_array_equal(points["displacement_mm"], solution.displacement_mm)


def test_an_affine_of_another_grid_is_refused_and_nothing_is_left(tmp_path):
    other = affine("straight")
    other[:3, 0] *= 2
    with pytest.raises(
        BadInput, match=r"affine has voxels of 1\.3.* 1\.1.* 1\.8.* mm and the solution of 0\.6"
    ):
        write_vti(tmp_path / "body.vti", mixed_body(), other)
    assert list(tmp_path.iterdir()) == []
