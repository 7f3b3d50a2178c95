"""Heat and cold: closed forms as ``osteoplan verify`` has them, a plain twin, and what must never break."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from osteoplan.errors import BadInput, Cancelled
from osteoplan.kernels.bioheat import HELD, METAL, TISSUE, WALL, Bioheat, HeatMedium, LineProbe
from osteoplan.verification import heat
from osteoplan.verification.cases import theory_case

EDGES = (1.0, 0.8, 1.25)


@pytest.mark.parametrize("id", [row.id for row in heat.HEAT])
def test_every_case_of_theory_holds(id):
    case = theory_case(id)
    assert case.ok, f"{case.got} for {case.expected}: {case.note}"


def test_the_cases_of_the_reference_are_all_there():
    assert {"V1", "V2", "V3", "V4", "V5", "V7", "V9", "V10", "V12"} <= {row.id for row in heat.HEAT}
    assert "54.9) K at 10.0 mm" in theory_case("V1").note
    assert "151.5 (151.2) K at 5.0 mm" in theory_case("heat-scattered").note


@pytest.mark.parametrize(
    ("wall", "root"), [(-40, 0.244789), (-100, 0.388220), (-140, 0.454299), (-160, 0.482554)]
)
def test_roots_of_neumann_are_those_of_the_reference(wall, root):
    assert heat.WATER.plane(wall) == pytest.approx(root, abs=1e-6)


@pytest.mark.parametrize(("sink", "root"), [(500, 0.207587), (1000, 0.308245), (2000, 0.433905)])
def test_roots_of_a_line_sink_are_those_of_the_reference(sink, root):
    assert heat.WATER.line(sink) == pytest.approx(root, abs=1e-6)


def test_fronts_cost_no_energy_and_are_nowhere_far_off():
    fronts = [heat.plane_front(1.0, -40.0), heat.plane_front(1.0, -140.0), heat.plane_front_askew()]
    fronts += [heat.line_front_askew(), heat.line_front()[0]]
    assert max(front.worst for front in fronts) < 0.2
    assert max(front.audit for front in fronts) < 1e-3


def test_a_probe_thinner_than_the_grid_takes_what_a_line_sink_takes():
    assert heat.line_front()[1] == pytest.approx(1000.0, rel=0.02)


def test_a_ball_of_ice_in_perfused_bone_stops_below_the_most_that_theory_allows():
    half, whole, most = heat.ball_of_ice()
    assert half == pytest.approx(whole, abs=0.1)
    assert most - 1.0 < whole < most


def test_isotherms_of_a_mushy_band_settle_with_the_grid():
    for degC, place in heat.mushy(0.5).items():
        assert place == pytest.approx(heat.MUSHY_MM[degC], abs=0.03)


def test_ice_around_a_probe_is_told_beside_what_was_measured():
    """Numbers of a second computation, by an axisymmetric code: 28 % of a ball of 34 mm; +25, +17, +12 %."""
    cold = theory_case("ice-lethal-share")
    assert cold.ok is None
    assert cold.got == pytest.approx(28.0, abs=2.0)
    assert "wall -75: 15 %" in cold.note
    assert theory_case("ice-behind-edge").ok
    again = theory_case("ice-second-freeze")
    assert again.ok is None
    assert re.findall(r"\+(\d+) %", again.note) == ["24", "17", "14", "13"]


# a plain twin


def bits(seed: int = 3, shape: tuple[int, int, int] = (8, 7, 6)) -> tuple[HeatMedium, np.ndarray]:
    """A medium of every kind of matter, and a start that freezes and boils."""
    r = np.random.default_rng(seed)
    kind = np.zeros(shape, np.uint8)
    kind[2, 3, 2] = HELD
    kind[5, 1:3, 1:4] = WALL
    medium = HeatMedium(
        k=r.uniform(0.2, 0.6, shape), k_frozen=r.uniform(1.0, 2.0, shape), c=r.uniform(2e6, 4e6, shape),
        c_frozen=r.uniform(1.5e6, 2e6, shape), freezing_J=r.uniform(1e8, 3e8, shape),
        boiling_J=r.uniform(0.0, 2e9, shape), perfusion=r.uniform(0.0, 5000.0, shape), kind=kind,
        spacing_mm=EDGES, wall_h=50.0, dried=0.4,
    )  # fmt: skip
    medium.perfusion[5:, 3:, 2:] = 0.0  # the twin does not stop it where tissue dies
    start = r.uniform(15.0, 37.0, shape)
    start[:3, :3, :3] = -60.0
    start[6:, 4:, 3:] = 99.0
    return medium, start


def twin(medium: HeatMedium, start: np.ndarray, heat: np.ndarray, seconds: float) -> np.ndarray:
    """The same physics by a general solver of ordinary equations, in double precision."""
    below, above = medium.band_degC
    kind, c = medium.kind, np.asarray(medium.c, float)
    ends = np.array([-273.0, below, above, 100.0, 102.0, 2000.0])
    steps = np.stack(
        [
            (below + 273.0) * medium.c_frozen,
            medium.freezing_J + 0.5 * (c + medium.c_frozen) * (above - below),
            (100.0 - above) * c,
            medium.boiling_J + 2.0 * c,
            1898.0 * c,
        ]
    )
    table = np.concatenate([np.zeros((1, *c.shape)), np.cumsum(steps, axis=0)])
    table -= np.take(table, 2, 0) + (medium.blood_degC - above) * c
    flat = table.reshape(6, -1)
    T = np.where(kind == WALL, medium.wall_degC, start)
    first = np.array([np.interp(t, ends, flat[:, n]) for n, t in enumerate(T.ravel())])
    keeps = ((kind == WALL) | (kind == HELD)).ravel()

    def temperature(H):
        return np.array([np.interp(h, flat[:, n], ends) for n, h in enumerate(H)]).reshape(c.shape)

    def change(_, H):
        T = temperature(H)
        s = np.clip(above - T, 0, above - below)
        B = -(s**2) / (2 * (above - below)) - np.maximum(below - T, 0)
        A = T - B - np.maximum(T - 102.0, 0) * (1 - medium.dried)
        out = np.asarray(heat, float).copy()
        out += np.where(above <= T, medium.perfusion * (medium.blood_degC - A), 0.0)
        for axis, edge in enumerate(medium.spacing_mm):
            for k, part in ((medium.k, A), (medium.k_frozen, B)):
                resist = np.where(kind == WALL, 1 / medium.wall_h, 0.5e-3 * edge / np.asarray(k, float))
                left, right = np.arange(c.shape[axis] - 1), np.arange(1, c.shape[axis])
                through = 1 / (resist.take(left, axis) + resist.take(right, axis)) / (edge * 1e-3)
                flow = through * (part.take(right, axis) - part.take(left, axis))
                pad = [(0, 0)] * 3
                pad[axis] = (0, 1)
                out += np.pad(flow, pad)
                pad[axis] = (1, 0)
                out -= np.pad(flow, pad)
        return np.where(keeps, 0.0, out.ravel())

    found = solve_ivp(change, (0, seconds), first, method="RK23", rtol=1e-5, atol=100.0)
    return temperature(found.y[:, -1])


def test_it_is_what_a_general_solver_finds_in_matter_of_every_kind():
    medium, start = bits()
    q = np.where(medium.kind == TISSUE, np.random.default_rng(0).uniform(0.0, 2e6, start.shape), 0.0)
    q[6:, 4:, 3:] = 6e7
    body = Bioheat(medium, start, edge="insulated")
    for _ in range(400):  # small steps: both are then as good as the equations
        assert body.run(0.025, heat=q).error < 1e-4
    expected = twin(medium, start, q, 10.0)
    assert expected.min() < -7.0
    assert expected.max() > 102.0
    assert np.abs(body.T - expected).max() < 0.1
    assert np.sqrt(((body.T - expected) ** 2).mean()) < 0.01


# what must never break


def block(shape=(40, 36, 30), **changes):
    return heat.medium(shape, EDGES, k_frozen=1.2, c_frozen=1.9e6, freezing_J=1.5e8, boiling_J=8e8, **changes)


PROBE = LineProbe((14.3, 12.1, 9.7), (22.4, 20.2, 18.3), 1.2, -100.0)


def freeze_and_heat(threads):
    shape = (40, 36, 30)
    kind = np.zeros(shape, np.uint8)
    kind[30, 10:20, 15] = METAL
    kind[:, :, 27:] = WALL
    body = Bioheat(block(kind=kind), threads=threads)
    q = np.zeros(shape)
    q[30:32, 18:20, 12:14] = 4e7
    body.watch([(31, 19, 13)])
    audits = [body.run(20.0, heat=q, probes=[PROBE]) for _ in range(4)] + [body.run(60.0)]
    return body, audits


def test_any_count_of_threads_gives_the_same_bits_and_energy_is_kept(monkeypatch):
    monkeypatch.setattr("osteoplan.kernels.bioheat.WORTH", 1)
    one, audits = freeze_and_heat(1)
    two, others = freeze_and_heat(2)
    assert audits == others
    for name in ("T", "T_max", "T_min", "cem43", "omega"):
        assert (getattr(one, name) == getattr(two, name)).all()
    assert one.T_min.min() < -60.0
    assert one.T_max.max() > 99.0
    assert max(audit.error for audit in audits) < 1e-4
    assert one.watched[1].shape == (len(one.watched[0]), 1)


def test_metal_carries_heat_away_and_no_step_is_shorter_for_it():
    shape = (21, 21, 41)
    q = np.zeros(shape)
    q[10, 10, 5] = 2e8
    kind = np.zeros(shape, np.uint8)
    kind[10, 10, 5:36] = METAL
    k, c = np.full(shape, 0.31), np.full(shape, 2.68e6)
    k[kind == METAL], c[kind == METAL] = 16.0, 4e6
    counts, far = [], []
    for metal in (False, True):
        body = Bioheat(
            heat.medium(shape, (1.0, 1.0, 1.0), kind=kind, k=k, c=c)
            if metal
            else heat.medium(shape, (1.0,) * 3)
        )
        audit = body.run(120.0, heat=q, on_step=lambda count, _: counts.append(count) or True)
        far.append(body.T[10, 10, 15] - 37.0)
        assert audit.error < 1e-3
    assert far[0] < 0.4
    assert far[1] > 2.0
    assert counts[-1] == max(counts)  # as many long steps as without metal


def test_metal_between_two_ends_has_the_profile_of_a_rod():
    shape = (1, 1, 30)
    kind = np.full(shape, METAL, np.uint8)
    kind[..., [0, -1]] = HELD
    start = np.full(shape, 37.0)
    start[..., 0], start[..., -1] = 20.0, 49.0
    body = Bioheat(heat.medium(shape, kind=kind, k=6.7, c=2.3e6), start, edge="insulated")
    audit = [body.run(300.0) for _ in range(10)][-1]
    assert body.T[0, 0] == pytest.approx(np.linspace(20.0, 49.0, 30), abs=0.02)
    assert audit.error < 1e-3


def test_gas_is_a_wall_with_its_coefficient():
    shape = (1, 1, 20)
    kind = np.zeros(shape, np.uint8)
    kind[..., 0], kind[..., -1] = HELD, WALL
    start = np.full(shape, 60.0)
    body = heat.medium(shape, kind=kind, perfusion=0.0)
    body = Bioheat(replace(body, wall_h=80.0, wall_degC=20.0), start, edge="insulated")
    body.run(20000.0)
    depth = 1e-3 * 1.25 * 18.5  # from the held centre to the gas
    flow = (60.0 - 20.0) / (depth / 0.31 + 1 / 80.0)
    assert body.T[0, 0, 18] == pytest.approx(20.0 + flow * (1 / 80.0 + 0.5e-3 * 1.25 / 0.31), abs=0.02)


def test_pieces_of_a_run_are_that_run():
    whole, parts = Bioheat(block()), Bioheat(block())
    q = np.zeros(whole.T.shape)
    q[18:20, 18:20, 14:16] = 2e7
    whole.run(60.0, heat=q)
    for _ in range(60):
        parts.run(1.0, heat=q)
    assert np.abs(whole.T - parts.T).max() < 0.2
    assert parts.time_s == pytest.approx(whole.time_s)


def test_a_probe_too_weak_for_its_wall_tells_how_cold_it_got():
    body = Bioheat(block())
    strong = body.run(10.0, probes=[PROBE])
    weak = LineProbe(PROBE.start, PROBE.end, PROBE.radius_mm, -100.0, cooling_W=5.0)
    body = Bioheat(block())
    audit = body.run(10.0, probes=[weak])
    assert strong.walls_degC == (-100.0,)
    assert -audit.probes_J == pytest.approx(50.0, rel=0.02)
    assert audit.walls_degC[0] > -60.0


def test_what_is_frozen_and_what_is_dead_is_not_perfused():
    shape = (9, 9, 9)
    body = Bioheat(
        heat.medium(shape, k_frozen=1.0, c_frozen=1.9e6, freezing_J=1.5e8), -20.0, edge="insulated"
    )
    assert body.run(10.0).perfusion_J == 0.0
    body = Bioheat(heat.medium(shape), 60.0, edge="insulated")
    bled = [body.run(10.0).perfusion_J for _ in range(4)]
    assert bled[0] < 0.0
    assert bled[-1] == 0.0
    assert body.dead.all()


def test_water_that_boils_holds_the_temperature_until_it_is_gone_and_condenses_again():
    shape = (3, 3, 3)
    body = Bioheat(heat.medium(shape, perfusion=0.0, boiling_J=5e8), 37.0, edge="insulated", sets={})
    q = np.full(shape, 1e7)
    body.run((63.0 * heat.CANCELLOUS["c"] + 2.5e8 + heat.CANCELLOUS["c"]) / 1e7, heat=q)
    np.testing.assert_allclose(body.T, 101.0, atol=0.02)
    body.run((2.5e8 + 9 * heat.CANCELLOUS["c"]) / 1e7, heat=q)
    np.testing.assert_allclose(body.T, 110.0, atol=0.05)
    body.run((5e8 + 73.0 * heat.CANCELLOUS["c"]) / 1e7, heat=-q)
    np.testing.assert_allclose(body.T, 37.0, atol=0.1)


def test_cells_that_probes_left_are_tissue_again():
    body = Bioheat(block(), edge="insulated")
    body.run(20.0, probes=[PROBE])
    cold = body.T.min()
    seen = [body.run(60.0).error for _ in range(3)]
    assert body.T.min() > cold + 30.0
    assert max(seen) < 1e-3


def test_what_cannot_be_is_refused():
    good = block()
    with pytest.raises(BadInput, match="positive time"):
        Bioheat(good).run(0.0)
    with pytest.raises(BadInput, match="heat is"):
        Bioheat(good).run(1.0, heat=np.zeros((2, 2, 2)))
    with pytest.raises(BadInput, match="not thinner"):
        Bioheat(good).run(1.0, probes=[LineProbe((5, 5, 5), (9, 9, 9), 4.0, -50.0)])
    with pytest.raises(BadInput, match="no tissue around it"):
        Bioheat(good).run(1.0, probes=[LineProbe((-50, 5, 5), (-40, 5, 5), 1.0, -50.0)])
    with pytest.raises(BadInput, match="edge is"):
        Bioheat(good, edge="open")
    with pytest.raises(BadInput, match="finite"):
        Bioheat(good, np.nan)
    with pytest.raises(BadInput, match="k must be finite"):
        heat.medium((3, 3, 3), k=-1.0)
    with pytest.raises(BadInput, match="freezes between"):
        heat.medium((3, 3, 3), band=(-1.0, -8.0))
    with pytest.raises(Cancelled):
        Bioheat(good).run(60.0, on_step=lambda *_: False)


def test_temperatures_stay_between_what_there_was():
    r = np.random.default_rng(1)
    body = Bioheat(block(perfusion=0.0), r.uniform(-80.0, 90.0, (40, 36, 30)), edge="insulated")
    ranges = [(body.T.min(), body.T.max())]
    for _ in range(5):
        body.run(3.0)
        ranges.append((body.T.min(), body.T.max()))
    for before, after in pairwise(ranges):
        assert before[0] - 1e-3 <= after[0]
        assert after[1] <= before[1] + 1e-3
