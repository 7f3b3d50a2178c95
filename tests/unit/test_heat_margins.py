"""Margins and coverage: spheres on a slanted, left-handed grid with cubes and with bricks of three edges."""

from __future__ import annotations

import numpy as np
import pytest

from osteoplan.arrays import F32, F64
from osteoplan.kernels.damage import ARRHENIUS
from osteoplan.knowledge.heat_limits import heat_distances, lethal_criteria, limit_of, structure_limits
from osteoplan.model.volume import Volume
from osteoplan.thermal.margins import margins_of


def grid(*edges: float) -> Volume:
    """60 mm of bricks, turned about two axes, left-handed."""
    a, b = np.radians((20.0, 35.0))
    turned = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1.0]]) @ np.array(
        [[1.0, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]]
    )
    affine = np.eye(4)
    affine[:3, :3] = turned @ np.diag([edges[0], edges[1], -edges[2]])
    affine[:3, 3] = (-30.0, 40.0, 12.0)
    shape = tuple(int(60.0 / edge) for edge in edges)
    return Volume(np.zeros(shape, np.float32), affine, "HU", "made")


def about(where: Volume, centre: F64) -> F32:
    """Distance of every brick from a point [mm]."""
    i, j, k = np.meshgrid(*(np.arange(n) for n in where.shape), indexing="ij")
    return np.linalg.norm(
        where.positions_mm(np.stack([i, j, k], -1).reshape(-1, 3)) - centre, axis=1
    ).reshape(where.shape)


def sphere(radius: float, centre: F64) -> F64:
    """Points on it."""
    n = np.arange(400) + 0.5
    up, turn = np.arccos(1 - 2 * n / 400), np.pi * (1 + 5**0.5) * n
    return centre + radius * np.stack([np.cos(turn) * np.sin(up), np.sin(turn) * np.sin(up), np.cos(up)], 1)


@pytest.mark.parametrize("edges", [(1.0, 1.0, 1.0), (0.8, 1.3, 1.7)])
def test_margin_of_a_sphere_in_a_sphere_is_the_difference_of_their_radii(edges: tuple[float, ...]) -> None:
    where = grid(*edges)
    centre = where.positions_mm(np.array(where.shape) / 2.0)
    away = about(where, centre)
    found = margins_of(
        (14.0 - away).astype(np.float32), where, where.with_array(away < 9.0, "mask"), sphere(9.0, centre)
    )
    assert found.minimum_mm == pytest.approx(5.0, abs=0.25)
    assert found.p5_mm == pytest.approx(5.0, abs=0.25)
    assert found.coverage_pct == 100.0
    assert found.left_mL == 0.0
    assert found.reached_pct[2.0] == 100.0
    assert found.reached_pct[10.0] == 0.0


def test_a_lesion_larger_than_what_is_dead_keeps_what_is_left() -> None:
    where = grid(1.0, 1.0, 1.0)
    centre = where.positions_mm(np.array(where.shape) / 2.0)
    away = about(where, centre)
    found = margins_of(
        (7.0 - away).astype(np.float32), where, where.with_array(away < 12.0, "mask"), sphere(12.0, centre)
    )
    assert found.minimum_mm == pytest.approx(-5.0, abs=0.25)
    assert found.coverage_pct == pytest.approx(100.0 * (7 / 12) ** 3, abs=1.0)
    assert found.left_mL == pytest.approx(4.18879 * (12**3 - 7**3) / 1000, rel=0.03)


def test_where_nothing_is_dead_there_is_no_margin() -> None:
    where = grid(1.0, 1.0, 1.0)
    centre = where.positions_mm(np.array(where.shape) / 2.0)
    lesion = where.with_array(about(where, centre) < 9.0, "mask")
    found = margins_of(np.full(where.shape, -1.0, np.float32), where, lesion, sphere(9.0, centre))
    assert found.minimum_mm is None
    assert found.p5_mm is None
    assert found.coverage_pct == 0.0
    assert found.reached_pct[0.0] == 0.0


def test_criteria_stand_side_by_side_and_name_sets_that_exist() -> None:
    heat, cold = lethal_criteria(cold=False), lethal_criteria(cold=True)
    assert {one.kind for one in heat} == {"CEM43", "above", "Arrhenius"}
    assert len(heat) == 4
    assert [one.level.number for one in cold] == [-20.0, -40.0]
    assert {one.set for one in heat if one.kind == "Arrhenius"} == set(ARRHENIUS)


def test_limits_of_structures_are_told_with_their_kinds() -> None:
    nerve = limit_of("nerve")
    assert nerve is limit_of("canal") is not None
    assert (nerve.low_degC.number, nerve.high_degC.number) == (10.0, 45.0)
    assert (nerve.cem43_min.number, nerve.strict_cem43_min.number) == (6.0, 2.0)
    assert limit_of("skin").cem43_min.number == 21.0
    assert limit_of("vessel") is None
    assert len({kind for one in structure_limits() for kind in one.kinds}) >= 6
    assert heat_distances()[0].number > heat_distances()[1].number
