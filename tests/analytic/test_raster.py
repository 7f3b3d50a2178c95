"""Rasterised rods against their analytic volume, on grids that are not kind."""

from __future__ import annotations

import numpy as np
import pytest

from osteoplan.kernels.raster import cylinder_fraction

START, END, RADIUS = np.array([3.2, -4.1, 7.7]), np.array([21.4, 9.3, -2.6]), 1.7
LENGTH = float(np.linalg.norm(END - START))


def turn(angles: tuple[float, float, float]) -> np.ndarray:
    a, b, c = np.radians(angles)
    rx = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    ry = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    rz = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    return rz @ ry @ rx


def affine(
    direction: np.ndarray, spacing: tuple[float, float, float], shape: tuple[int, int, int]
) -> np.ndarray:
    matrix = np.eye(4)
    matrix[:3, :3] = direction * np.asarray(spacing)
    matrix[:3, 3] = (START + END) / 2 - matrix[:3, :3] @ (np.asarray(shape) - 1) / 2
    return matrix


GRIDS = {
    "fine cube": (np.eye(3), (0.6, 0.6, 0.6), (70, 60, 50)),
    "brick 2x3x5": (np.eye(3), (2.0, 3.0, 5.0), (30, 20, 14)),
    "oblique brick": (turn((20, -35, 50)), (0.7, 1.1, 2.5), (60, 50, 40)),
    "left-handed": (turn((-10, 25, 5)) @ np.diag([1.0, -1.0, 1.0]), (0.9, 0.7, 1.6), (60, 60, 40)),
    "flipped": (np.diag([-1.0, -1.0, 1.0]), (0.7, 0.7, 2.5), (60, 60, 20)),
}


@pytest.mark.parametrize("name", GRIDS)
def test_a_cylinder_keeps_its_volume_on_every_grid(name: str) -> None:
    direction, spacing, shape = GRIDS[name]
    matrix = affine(direction, spacing, shape)
    fraction = cylinder_fraction(shape, matrix, start_mm=START, end_mm=END, radius_mm=RADIUS)
    volume = fraction.sum() * np.prod(spacing)
    assert volume == pytest.approx(np.pi * RADIUS**2 * LENGTH, rel=0.02)
    assert fraction.min() >= 0
    assert fraction.max() <= 1


@pytest.mark.parametrize("name", GRIDS)
def test_the_rod_lies_where_its_axis_lies(name: str) -> None:
    direction, spacing, shape = GRIDS[name]
    matrix = affine(direction, spacing, shape)
    fraction = cylinder_fraction(shape, matrix, start_mm=START, end_mm=END, radius_mm=RADIUS)
    positions = np.moveaxis(np.indices(shape), 0, -1) @ matrix[:3, :3].T + matrix[:3, 3]
    centroid = (fraction[..., None] * positions).sum(axis=(0, 1, 2)) / fraction.sum()
    assert centroid == pytest.approx((START + END) / 2, abs=0.1)


def test_a_rod_that_leaves_the_grid_is_cut_at_its_edge() -> None:
    fraction = cylinder_fraction(
        (10, 12, 14), np.diag([2.0, 3.0, 5.0, 1.0]), start_mm=np.array([8.0, 15.0, -40.0]),
        end_mm=np.array([8.0, 15.0, 31.0]), radius_mm=4.0,
    )  # fmt: skip
    assert fraction.sum() * 30.0 == pytest.approx(np.pi * 16.0 * (31.0 + 2.5), rel=0.02)


def test_a_rod_outside_the_grid_fills_nothing() -> None:
    fraction = cylinder_fraction(
        (4, 4, 4), np.eye(4), start_mm=np.array([50.0, 0, 0]), end_mm=np.array([60.0, 0, 0]), radius_mm=2.0
    )
    assert not fraction.any()


def test_a_rod_without_length_is_refused() -> None:
    with pytest.raises(ValueError, match="two different ends"):
        cylinder_fraction((4, 4, 4), np.eye(4), start_mm=START, end_mm=START, radius_mm=1.0)
