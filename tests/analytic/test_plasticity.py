"""Yielding bricks against closed forms (case A11), and what must hold for any body."""

from __future__ import annotations

import numpy as np
import pytest

from osteoplan.errors import Cancelled
from osteoplan.kernels.elasticity import Bricks
from osteoplan.kernels.plasticity import Body, Boundary, follow
from osteoplan.kernels.yielding import Brick, Elements, cone, dilation
from osteoplan.verification import plasticity as theory
from osteoplan.verification.plasticity import BRICK

TENSION = 7.0  # MPa
BAND_ENERGY = 1.0  # N/mm


def test_a_bar_yields_at_its_strength_and_bears_it_from_then_on():
    assert theory.bar_limit_error() < 1e-8


def test_a_cone_gives_both_uniaxial_strengths_whatever_its_dilation():
    assert cone_ratio_error() < 1e-8


def cone_ratio_error():
    """Drucker-Prager bar, pushed and pulled, flowing with no, 10 degrees and normal dilation."""
    worst = 0.0
    for psi in (None, 0.0, 10.0):
        for pulled, limit in ((False, theory.STRENGTH), (True, TENSION)):
            path, area = theory.bar(
                (3, 2, 4), BRICK, strain=0.03, pulled=pulled, tension=TENSION, psi=psi, tolerance=1e-9
            )
            worst = max(worst, abs(path.points[-1].force_N / (limit * area) - 1.0))
    return worst


def test_a_thick_cylinder_bears_its_limit_pressure_and_comes_nearer_with_finer_cubes():
    coarse, fine = theory.cylinder_limit(10), theory.cylinder_limit(20)
    assert fine == pytest.approx(1.0, abs=0.02)
    assert coarse < fine < 1.0
    assert 2.0 * fine - coarse == pytest.approx(1.0, abs=0.01)  # the error falls with the edge


def test_a_thick_sphere_bears_its_limit_pressure():
    coarse, fine = theory.sphere_limit(5), theory.sphere_limit(10)
    assert fine == pytest.approx(1.0, abs=0.02)
    assert abs(1.0 - fine) < abs(1.0 - coarse)


def test_the_energy_of_a_softening_band_does_not_depend_on_the_edge():
    coarse, fine = softening_energy(4), softening_energy(8)
    assert coarse == pytest.approx(fine, rel=0.01)
    assert fine == pytest.approx(1.0, abs=0.03)


def test_a_softening_column_gets_weaker_and_its_peak_is_its_yield():
    path, area = softening_column(8)
    force = np.array([point.force_N for point in path.points])
    assert path.peak_N == pytest.approx(0.99 * area * theory.STRENGTH / np.sqrt(3.0), rel=1e-3)
    assert force[-1] < 0.01 * path.peak_N


def softening_energy(layers):
    """Energy that the machine puts into ``softening_column`` over G area."""
    path, area = softening_column(layers)
    d, F = np.array([(0.0, 0.0), *((p.displacement_mm, p.force_N) for p in path.points)]).T
    return float(np.trapezoid(F, d)) / (BAND_ENERGY * area)


def softening_column(layers):
    """(path, cross-section [mm2]) of a column of cubes 8 mm high, sheared, its middle one 1 % weaker.

    Sheared, because a band that is pressed flows sideways into its neighbours and they resist: then it is
    not one band that dissipates.
    """
    edge, strength, flat = 8.0 / layers, np.full(layers, theory.STRENGTH), np.zeros(layers)
    strength[layers // 2] *= 0.99
    mesh = Bricks.of(np.ones((1, 1, layers), dtype=bool))
    ends = (mesh.nodes[:, 2] == 0) | (mesh.nodes[:, 2] == layers)
    fixed = np.stack([ends, np.ones_like(ends), np.ones_like(ends)], axis=1)
    unit = np.where(fixed & (mesh.nodes[:, 2] == layers)[:, None], [1.0, 0.0, 0.0], 0.0)
    body = Body(
        mesh, (edge,) * 3, 0.3, theory.E + flat, strength / np.sqrt(3.0), flat, flat, BAND_ENERGY + flat
    )
    return follow(body, Boundary(fixed, unit), to_mm=0.5, steps=80, tolerance=1e-6), edge * edge


def patch(seed: int, *, strength=1.0, tension: float = 1.0, psi: float | None = None):
    """Path of a ragged piece of random bone, squeezed; ``strength`` of each layer along k."""
    random = np.random.default_rng(seed)
    solid = random.uniform(size=(6, 7, 8)) < 0.9
    solid[:, :, [0, -1]] = True
    mesh = Bricks.of(solid)
    E = random.uniform(100.0, 1000.0, len(mesh.cells))
    yields = np.broadcast_to(strength, 8)[mesh.cells[:, 2]] * 0.01 * E
    alpha, k = cone(yields, tension * yields)
    beta = alpha if psi is None else np.full_like(alpha, dilation(psi))
    high = mesh.nodes[:, 2] == 8
    fixed = np.repeat((high | (mesh.nodes[:, 2] == 0))[:, None], 3, axis=1)
    unit = np.zeros(fixed.shape)
    unit[high, 2] = -1.0
    return follow(Body(mesh, BRICK, 0.3, E, k, alpha, beta), Boundary(fixed, unit), to_mm=0.3, steps=4)


@pytest.mark.parametrize("tension", [1.0, 0.6])
def test_a_body_never_gets_stronger_where_its_strength_falls(tension):
    forces = [
        [point.force_N for point in patch(1, strength=share, tension=tension).points][-1]
        for share in (1.0, 0.8, 0.5)
    ]
    assert forces == sorted(forces, reverse=True)
    assert forces[2] < 0.9 * forces[0]


def test_a_weaker_part_makes_no_body_stronger():
    part = np.where(np.arange(8) < 4, 0.7, 1.0)
    assert patch(1, strength=part).points[-1].force_N < 0.95 * patch(1).points[-1].force_N


def test_a_yielding_body_bears_less_than_an_elastic_one_and_as_much_before():
    path = patch(2)
    for point in path.points[1:]:
        assert point.force_N < path.stiffness * point.displacement_mm
    first = path.points[0]
    assert first.force_N == pytest.approx(path.stiffness * first.displacement_mm, rel=1e-12)
    assert path.force_at(0.5 * first.displacement_mm) == pytest.approx(0.5 * first.force_N)


def test_flow_with_less_dilation_than_the_normal_converges_and_bears_no_more():
    normal, less = patch(3, tension=0.6), patch(3, tension=0.6, psi=0.0)
    assert less.points[-1].residual <= 1e-4
    assert less.points[-1].force_N < normal.points[-1].force_N


def test_the_tangent_is_the_slope_of_the_forces():
    random = np.random.default_rng(0)
    mesh = Bricks.of(np.ones((2, 3, 2), dtype=bool))
    n = len(mesh.cells)
    alpha, k = cone(np.full(n, 5.0), np.full(n, 3.0))
    elements = Elements.of(
        Brick.of(BRICK, 0.3), mesh.layers, mesh.corners, np.full(n, 800.0), alpha, 0.5 * alpha
    )
    u, du = 0.01 * random.standard_normal((3, len(mesh.nodes))), random.standard_normal((3, len(mesh.nodes)))
    tangent = elements.respond(u, k)[1]
    assert tangent.yielded.size > 0
    step = 1e-6
    slope = (elements.respond(u + step * du, k)[0] - elements.respond(u - step * du, k)[0]) / (2 * step)
    found = np.zeros_like(u)
    for corners, modulus in zip(mesh.corners, 800.0 * tangent.ratio, strict=True):
        found[:, corners] += (modulus * elements.brick.whole @ du[:, corners].T.ravel()).reshape(8, 3).T
    elements.add_yielded(tangent, du, found)
    np.testing.assert_allclose(found, slope, rtol=0, atol=2e-5 * np.abs(slope).max())


def test_a_thread_more_does_not_change_one_bit_of_a_yielding_body():
    random = np.random.default_rng(7)
    mesh = Bricks.of(random.uniform(size=(24, 23, 22)) < 0.9)
    n = len(mesh.cells)
    alpha, k = cone(np.full(n, 5.0), np.full(n, 3.0))
    u = 0.02 * random.standard_normal((3, len(mesh.nodes)))
    found = []
    for threads in (1, 3):
        elements = Elements.of(
            Brick.of(BRICK, 0.3), mesh.layers, mesh.corners, np.full(n, 800.0), alpha, alpha, threads=threads
        )
        elements.settle(0.5 * u, k)
        y, tangent = elements.respond(u, k)
        elements.add_yielded(tangent, u, y)
        found.append((y, elements.plastic, elements.work, tangent.share))
    for one, other in zip(*found, strict=True):
        assert np.array_equal(one, other)


def test_a_body_under_a_given_force_reaches_the_limit_of_the_moved_one():
    mesh = Bricks.of(np.ones((3, 2, 4), dtype=bool))
    n, flat = len(mesh.cells), np.zeros(24)
    low, high = mesh.nodes[:, 2] == 0, mesh.nodes[:, 2] == 4
    fixed = np.stack([mesh.nodes[:, 0] == 0, mesh.nodes[:, 1] == 0, low], axis=1)
    weight = np.where(high, 1.0, 0.0) * np.where(np.isin(mesh.nodes[:, 0], (0, 3)), 0.5, 1.0)
    weight *= np.where(np.isin(mesh.nodes[:, 1], (0, 2)), 0.5, 1.0)
    force = np.zeros(fixed.shape)
    force[:, 2] = -weight / weight.sum()
    body = Body(mesh, BRICK, 0.3, np.full(n, 1000.0), np.full(n, 10.0 / np.sqrt(3.0)), flat, flat)
    path = follow(body, Boundary(fixed, np.zeros(fixed.shape), force), to_mm=0.1, steps=5, tolerance=1e-8)
    area = 3 * BRICK[0] * 2 * BRICK[1]
    assert path.stiffness == pytest.approx(1000.0 * area / (4 * BRICK[2]), rel=1e-6)
    assert path.peak_N == pytest.approx(10.0 * area, rel=1e-6)


def confined(edges, *, pulled: bool, tension: float):
    """(path, cross-section [mm2], k, alpha) of a block whose sides do not move."""
    mesh = Bricks.of(np.ones((2, 3, 4), dtype=bool))
    one = np.ones(len(mesh.cells))
    fixed = (mesh.nodes == 0) | (mesh.nodes == mesh.nodes.max(axis=0))
    unit = np.zeros(fixed.shape)
    unit[mesh.nodes[:, 2] == 4, 2] = 1.0 if pulled else -1.0
    alpha, k = cone(theory.STRENGTH * one, tension * one)
    body = Body(mesh, edges, 0.3, theory.E * one, k, alpha, dilation(5.0) * one)
    path = follow(body, Boundary(fixed, unit), to_mm=0.03 * 4 * edges[2], steps=6, tolerance=1e-8)
    return path, 6 * edges[0] * edges[1], k[0], alpha[0]


@pytest.mark.parametrize("edges", [BRICK, (1.1, 0.9, 0.6), (2.0, 1.5, 1.0)])
def test_a_block_pulled_between_walls_bears_the_tip_of_its_cone(edges):
    path, area, k, alpha = confined(edges, pulled=True, tension=3.0)
    assert path.points[-1].force_N == pytest.approx(k / (3.0 * alpha) * area, rel=1e-9)


@pytest.mark.parametrize("edges", [BRICK, (1.1, 0.9, 0.6), (2.0, 1.5, 1.0)])
def test_a_block_squeezed_between_walls_never_meets_a_steep_cone(edges):
    """J / -I1 = 2 G / (3 sqrt3 K) < alpha: it would yield if it were pulled, and that is another walk."""
    path, area, *_ = confined(edges, pulled=False, tension=3.0)
    (only,) = path.points
    assert only.displacement_mm == pytest.approx(0.03 * 4 * edges[2])
    assert only.yielded == 0.0
    assert only.force_N == pytest.approx(theory.E * 0.7 / (1.3 * 0.4) * 0.03 * area, rel=1e-6)


def beside_a_stiff_inclusion(edges, *, steps=6):
    """Path of soft uneven bone with a stiff part and a cavity above it, squeezed between clamped ends."""
    shape = np.array((8, 9, 10))
    mesh = Bricks.of(np.ones(shape, dtype=bool))
    away = np.abs((mesh.cells + 0.5) / shape - (0.4, 0.5, 0.5))
    stiff = (away < 0.22).all(axis=1)
    hollow = (np.abs(away - (0, 0, 0.3)) < 0.2).all(axis=1) & (mesh.cells[:, 2] >= 5) & ~stiff
    E = np.random.default_rng(4).uniform(100.0, 500.0, len(mesh.cells))
    c = np.where(stiff, 70.0, 0.01 * E)
    alpha, k = cone(c, np.where(stiff, 26.0, 0.7 * c))
    E, k = np.where(stiff, 2500.0, np.where(hollow, 1.0, E)), np.where(hollow, np.inf, k)
    high = mesh.nodes[:, 2] == 10
    fixed = np.repeat((high | (mesh.nodes[:, 2] == 0))[:, None], 3, axis=1)
    unit = np.where(fixed & high[:, None], [0.0, 0.0, -1.0], 0.0)
    body = Body(mesh, edges, 0.3, E, k, alpha, np.minimum(alpha, dilation(5.0)))
    return follow(body, Boundary(fixed, unit), to_mm=0.3 * edges[2], steps=steps)


@pytest.mark.parametrize("edges", [BRICK, (1.1, 0.9, 0.6), (2.0, 1.5, 1.0)])
def test_bone_pulled_beside_a_stiff_part_converges_however_few_steps_lead_there(edges):
    path, finer = (beside_a_stiff_inclusion(edges, steps=steps) for steps in (6, 18))
    assert path.points[-1].residual <= 1e-4
    assert path.points[-1].yielded > 0.5
    assert path.points[-1].newton < 30
    assert path.points[-1].force_N == pytest.approx(finer.points[-1].force_N, rel=5e-3)
    assert all(0.0 < p.force_N <= path.stiffness * p.displacement_mm * (1 + 1e-6) for p in path.points)


def in_series(soft_yields, *, strain=0.03, away=False):
    """(path, cross-section [mm2], length of the lower half [mm]) of a bar whose upper half is soft, squeezed;
    the gauge lies on the lower half, which yields at ``STRENGTH``."""
    mesh = Bricks.of(np.ones((2, 2, 6), dtype=bool))
    low, mid, high = (mesh.nodes[:, 2] == k for k in (0, 3, 6))
    fixed = np.stack([mesh.nodes[:, 0] == 0, mesh.nodes[:, 1] == 0, low | high], axis=1)
    unit = np.where(fixed & high[:, None], [0.0, 0.0, -1.0], 0.0)
    gauge = (low[:, None] / low.sum() - mid[:, None] / mid.sum()) * [0.0, 0.0, -1.0 if away else 1.0]
    soft = mesh.cells[:, 2] >= 3
    k = np.where(soft, soft_yields, theory.STRENGTH) / np.sqrt(3.0)
    flat, length = np.zeros(len(soft)), 3 * BRICK[2]
    body = Body(mesh, BRICK, 0.0, np.where(soft, 20.0, theory.E), k, flat, flat)
    boundary = Boundary(fixed, unit, gauge=gauge)
    path = follow(body, boundary, to_mm=strain * length, steps=6, tolerance=1e-8)
    return path, 4 * BRICK[0] * BRICK[1], length


def test_a_way_measured_on_the_body_ends_there_however_much_its_ends_give():
    path, area, length = in_series(np.inf)
    last, F = path.points[-1], theory.STRENGTH * area
    assert path.force_at(0.03 * length) == pytest.approx(F, rel=5e-3)  # the soft half holds its end a little
    assert path.force_at(0.005 * length) == pytest.approx(0.5 * F, rel=1e-6)
    assert last.displacement_mm == pytest.approx(last.gauge_mm + theory.STRENGTH / 20.0 * length, rel=5e-3)
    assert 0.03 * length <= last.gauge_mm < 0.0305 * length
    gains = np.diff([point.gauge_mm for point in path.points])
    assert gains.max() < 1.6 * path.step_mm  # no step ran past the way that was to be measured
    assert 0.0 <= path.rise(0.03 * length, path.step_mm) < 1e-3


def test_a_way_ends_short_where_something_else_gives_way():
    path, area, length = in_series(0.5 * theory.STRENGTH)
    last = path.points[-1]
    assert last.gauge_mm < 0.006 * length
    assert last.force_N == pytest.approx(0.5 * theory.STRENGTH * area, rel=0.1)  # a stiff end holds it
    assert len(path.points) < 50
    with pytest.raises(ValueError, match="the path ends at"):
        path.force_at(0.03 * length)


def test_a_gauge_that_does_not_grow_with_the_load_is_refused():
    with pytest.raises(ValueError, match="it cannot say how far to go"):
        in_series(np.inf, away=True)


def test_a_body_that_never_yields_ends_at_once():
    mesh = Bricks.of(np.ones((2, 2, 2), dtype=bool))
    fixed = np.repeat(((mesh.nodes[:, 2] % 2) == 0)[:, None], 3, axis=1)
    unit = np.where(fixed & (mesh.nodes[:, 2] == 2)[:, None], [0.0, 0.0, -1.0], 0.0)
    one = np.ones(8)
    body = Body(mesh, BRICK, 0.3, 1000.0 * one, np.inf * one, 0 * one, 0 * one)
    (only,) = follow(body, Boundary(fixed, unit), steps=2).points
    assert only.yielded == 0.0


def test_a_walk_stops_when_it_is_told_to():
    mesh = Bricks.of(np.ones((2, 2, 2), dtype=bool))
    fixed = np.repeat(((mesh.nodes[:, 2] % 2) == 0)[:, None], 3, axis=1)
    unit = np.where(fixed & (mesh.nodes[:, 2] == 2)[:, None], [0.0, 0.0, -1.0], 0.0)
    one = np.ones(8)
    with pytest.raises(Cancelled):
        follow(
            Body(mesh, BRICK, 0.3, 1000.0 * one, one, 0 * one, 0 * one), Boundary(fixed, unit),
            to_mm=0.1, steps=2, on_step=lambda step, residual: False,
        )  # fmt: skip
