import numpy as np
import pytest

from osteoplan.errors import OsteoplanError
from osteoplan.kernels.beams import places
from osteoplan.kernels.elasticity import Bricks, Stiffness, brick_stiffness
from osteoplan.kernels.embedding import Surface, hold, tie
from osteoplan.kernels.islands import islands
from osteoplan.kernels.multigrid import Hierarchy, equilibrium, not_positive
from osteoplan.mechanics.rods import Section, beam_of


def _squeezed(E, edges=(1.0, 1.0, 1.0), *, bonded=True, ties=None, dtype=np.float64):
    """(stiffness, fixed, prescribed): lowest and highest plane held and moved, or free to slide on pins."""
    mesh = Bricks.of(E > 0)
    low = mesh.nodes[:, 2] == mesh.nodes[:, 2].min()
    high = mesh.nodes[:, 2] == mesh.nodes[:, 2].max()
    fixed = np.zeros((len(mesh.nodes), 3), dtype=bool)
    fixed[low | high, 2] = True
    if bonded:
        fixed[low | high] = True
    else:
        fixed[np.flatnonzero(low)[0], :2] = fixed[np.flatnonzero(low)[-1], 1] = True
    prescribed = np.where(high[:, None], [0.0, 0.0, -0.01], 0.0)
    of = () if ties is None else ties(mesh)
    A = Stiffness.uniform(mesh, brick_stiffness(edges, 0.3), mesh.of_box(E), dtype=dtype, ties=of)
    return A, fixed, prescribed


def _column(n, seed=0):
    """A cylinder of bone with a shell."""
    x, y, _ = np.meshgrid(*(np.arange(n) - n / 2 + 0.5,) * 3, indexing="ij")
    r = np.hypot(x, y / 0.9)
    E = np.where(r < 0.46 * n, 300.0 * np.exp(np.random.default_rng(seed).normal(0, 0.5, r.shape)), 0.0)
    E[(r < 0.46 * n) & (r > 0.46 * n - 1.5)] = 12000.0
    return E


def _ball(n, radius):
    x, y, z = np.meshgrid(*(np.arange(n) - n / 2 + 0.5,) * 3, indexing="ij")
    return np.sqrt(x**2 + (y + 1) ** 2 + z**2) < radius


def _steps(A, fixed, prescribed, **kwargs):
    return equilibrium(A, fixed=fixed, prescribed_mm=prescribed, tolerance=1e-6, **kwargs).iterations


@pytest.mark.parametrize("edges", [(1.0, 1.0, 1.0), (0.7, 0.7, 2.5), (2.0, 3.0, 5.0)])
@pytest.mark.parametrize("shape", [(11, 12, 15), (16, 16, 16), (9, 14, 17)])
def test_bricks_of_any_shape_take_few_steps(edges, shape):
    assert _steps(*_squeezed(np.full(shape, 1000.0), edges)) <= 10


def test_steps_do_not_grow_with_the_mesh():
    steps = [_steps(*_squeezed(_column(n))) for n in (16, 24, 40)]
    assert max(steps) <= 15


def test_the_cycle_is_symmetric_and_positive():
    E = _column(18)
    A, fixed, _ = _squeezed(E, (1.0, 1.2, 1.7))
    M = Hierarchy.of(A, fixed)
    rng = np.random.default_rng(1)
    v, w = (np.where(fixed, 0.0, rng.normal(size=fixed.shape)) for _ in range(2))
    Mv, Mw = M(v), M(w)
    assert (w * Mv).sum() == pytest.approx((v * Mw).sum(), rel=1e-3)
    assert (v * Mv).sum() > 0
    assert not Mv[fixed].any()


def test_a_ball_of_cement_in_a_cavity_is_an_island_and_is_deflated():
    n = 24
    E = _column(n)
    E[_ball(n, 7)] = 1.0
    E[_ball(n, 4)] = 2300.0
    A, fixed, prescribed = _squeezed(E)
    found = islands(A.mesh, np.ones(3), A.modulus, fixed)
    inside = np.zeros(E.shape, dtype=bool)
    inside[_ball(n, 4)] = True
    hit = np.zeros(len(A.mesh.nodes), dtype=bool)
    hit[A.mesh.corners[A.mesh.of_box(inside)]] = True
    assert [(len(island.place), island.twists.shape[1]) for island in found] == [(hit.sum(), 6)]
    M = Hierarchy.of(A, fixed)
    assert M.stiff
    with_islands = _steps(A, fixed, prescribed, preconditioner=M)
    M.stiff = ()
    assert with_islands < _steps(A, fixed, prescribed, preconditioner=M)
    assert with_islands <= 16


def test_dense_bone_that_stands_on_a_support_is_no_island():
    A, fixed, _ = _squeezed(_column(16))
    assert islands(A.mesh, np.ones(3), A.modulus, fixed) == []


def test_an_island_that_a_support_holds_keeps_the_motions_that_are_left():
    """Metal in marrow from the lowest plane up, which slides on it: two slides and a turn."""
    E = np.ones((14, 12, 16))
    E[4:9, 3:8, :6] = 110000.0
    A, fixed, _ = _squeezed(E, (0.7, 1.1, 1.9), bonded=False)
    (island,) = (one for one in islands(A.mesh, np.array([0.7, 1.1, 1.9]), A.modulus, fixed)
                 if len(one.place) < len(A.mesh.nodes))  # fmt: skip
    assert len(island.place) == 6 * 6 * 7
    assert island.twists.shape == (6, 3)
    below = island.arm[island.arm[:, 2] == island.arm[:, 2].min()]
    for twist in island.twists.T:
        moved = twist[:3] + np.cross(twist[3:], below)
        assert np.abs(moved[:, 2]).max() < 1e-6 < 0.1 < np.abs(moved[:, :2]).max()


def test_which_grids_serve_is_tried_where_the_fill_says_nothing():
    """Stiff layers in soft ones fill every brick, and no mean modulus bends as they do."""
    E = np.full((20, 18, 16), 300.0)
    E[:, :, ::4], E[:, :, 1::4] = 1e5, 1.0
    A, fixed, _ = _squeezed(E)
    M = Hierarchy.of(A, fixed)
    assert [type(level).__name__ for level in M.levels[1:]] == ["Composite"] * (len(M.levels) - 1)
    small, held, _ = _squeezed(E[:10, :10, :10])
    assert len(Hierarchy.of(small, held).levels) == 1
    even, held, _ = _squeezed(np.full((20, 18, 16), 300.0))
    assert type(Hierarchy.of(even, held).levels[1]).__name__ == "GridLevel"


def test_what_can_move_is_named_and_what_is_held_is_never_called_free():
    """Held on one edge, it turns about it under a force across; the same body held whole does not."""
    A, fixed, _ = _squeezed(np.full((5, 6, 7), 1000.0), (0.7, 1.1, 1.9))
    edge = np.zeros_like(fixed)
    edge[(A.mesh.nodes[:, 1] == 0) & (A.mesh.nodes[:, 2] == 0)] = True
    across = np.where(edge, 0.0, [0.0, 1.0, 0.0])
    with pytest.raises(OsteoplanError, match="turns about x through corner"):
        equilibrium(A, fixed=edge, prescribed_mm=np.zeros(edge.shape), force_N=across)
    with pytest.raises(OsteoplanError, match="turns about x through corner"):
        not_positive(A, edge)
    told = str(not_positive(A, fixed))
    assert "too far apart" in told
    assert "turns" not in told


def test_pins_cost_no_steps_and_carry_nothing():
    E = _column(24)
    bonded = _steps(*_squeezed(E))
    A, fixed, prescribed = _squeezed(E, bonded=False)
    found = equilibrium(A, fixed=fixed, prescribed_mm=prescribed, tolerance=1e-9)
    assert _steps(A, fixed, prescribed) <= bonded + 4
    load = np.abs(found.reaction_N[:, 2]).sum()
    assert np.abs(found.reaction_N[:, :2]).max() < 1e-7 * load


def test_titanium_in_marrow_is_solved():
    E = _column(24)
    E[_ball(24, 8)] = 1.0
    E[10:13, 9:12, 3:20] = 110000.0
    assert _steps(*_squeezed(E)) <= 25


def _rod(mesh):
    start, end = np.array([6.0, 12.0, 6.0]), np.array([17.0, 10.5, 18.0])
    axis = (end - start) / np.linalg.norm(end - start)
    one, edges = Section(6.5, 3.6, 110e3), np.ones(3)
    s = places(float(np.linalg.norm(end - start)), axis, edges, 3.25)
    beam = beam_of(start, axis, s, [one] * (len(s) - 1))
    on = Surface.of(beam, edges)
    held = hold(beam, mesh, edges, along=np.ones(len(on.s), dtype=bool), on=on, poisson=0.3)
    return (tie([held])[0][0],)


def test_a_rod_tied_to_the_bricks_costs_few_steps_and_is_exact():
    A, fixed, prescribed = _squeezed(_column(24), ties=_rod)
    found = equilibrium(A, fixed=fixed, prescribed_mm=prescribed, tolerance=1e-9)
    assert _steps(A, fixed, prescribed) <= 16
    rest = np.where(fixed, 0.0, A(found.displacement_mm))
    start = np.where(fixed, 0.0, A(np.where(fixed, prescribed, 0.0)))
    assert np.linalg.norm(rest) <= 2e-9 * np.linalg.norm(start)
    bare, _, _ = _squeezed(_column(24))
    without = equilibrium(bare, fixed=fixed, prescribed_mm=prescribed, tolerance=1e-9)
    assert np.abs(found.reaction_N).sum() > 1.001 * np.abs(without.reaction_N).sum()


def test_one_hierarchy_serves_other_loads_and_other_moduli():
    E = _column(20)
    A, fixed, prescribed = _squeezed(E)
    M = Hierarchy.of(A, fixed)
    force = np.zeros(fixed.shape)
    force[np.flatnonzero(~fixed.any(axis=1))[40], 0] = 1.0
    other, _, _ = _squeezed(1.3 * E * np.exp(np.random.default_rng(5).normal(0, 0.1, E.shape)))
    assert _steps(A, fixed, np.zeros_like(prescribed), force_N=force, preconditioner=M) <= 20
    assert _steps(other, fixed, prescribed, preconditioner=M) <= 20


def test_the_numbers_do_not_depend_on_the_count_of_threads(monkeypatch):
    E = _column(30)
    E[_ball(30, 8)] = 1.0
    E[_ball(30, 5)] = 2300.0
    got = []
    for threads in (1, 2, 3):
        monkeypatch.setattr("osteoplan.kernels.threads.cores", lambda threads=threads: threads)
        A, fixed, prescribed = _squeezed(E)
        got.append(equilibrium(A, fixed=fixed, prescribed_mm=prescribed).displacement_mm)
    np.testing.assert_array_equal(got[0], got[1])
    np.testing.assert_array_equal(got[0], got[2])
