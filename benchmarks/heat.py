"""How long heat and cold take, beside a plain stencil that steps every cell with the shortest step.

    python benchmarks/heat.py [--cells 100] [--draws 64] [--growth]

A block of cancellous bone of ``cells`` mm: 10 minutes of a heat source, in one run and in pieces of a
second as a generator asks for them; 10 minutes of radiofrequency with its fields and its control; 10 minutes
of ice, 5 of thaw and 10 of ice around a thin probe, at 2 mm and at 1 mm.  The plain stencil knows one matter,
no field, no damage and no account of energy; it goes on for 20 s of that time and is scaled.  Draws run side
by side on cells of 2.5 mm.  Seconds are of the clock and of the processor: on a machine that others use they
differ.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
from numba import njit

from osteoplan.kernels.bioheat import Bioheat, HeatMedium, LineProbe
from osteoplan.kernels.threads import cores, each, in_parts
from osteoplan.knowledge.applicators import applicator_of
from osteoplan.knowledge.tissues import heat_tissue
from osteoplan.model.plan import Segment
from osteoplan.model.volume import Volume
from osteoplan.thermal.charted import even_matter
from osteoplan.thermal.electric import Radiofrequency

TRIED_S = 20.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", type=int, default=100, help="along an edge, of 1 mm")
    parser.add_argument("--draws", type=int, default=64)
    parser.add_argument("--growth", action="store_true", help="how the cost grows with the grid")
    given = parser.parse_args()
    side = float(given.cells)
    for warm in (heat, cold):
        warm(20.0, 5.0, 2.0)
    print(f"{'':34}  this: clock s  processor s   plain: clock s  processor s")
    mild, stiff = 1.16e-7, 6.4e-7  # m2/s: what limits a step, thawed and frozen
    tell("heat 10 min, 1 mm", lambda: heat(side, 600.0, 1.0), 600.0, plain(side, 1.0, mild))
    tell(
        "heat 10 min, 1 mm, pieces of 1 s", lambda: heat(side, 600.0, 1.0, 1.0), 600.0, plain(side, 1.0, mild)
    )
    for device in ("generic_rf_bipolar_20mm", "generic_rf_monopolar"):
        current(20.0, 5.0, device)
        tell(
            f"{device[8:]} 10 min, fields",
            lambda d=device: current(side, 600.0, d),
            600.0,
            plain(side, 1.0, mild),
        )
    tell("cold 10-5-10 min, 2 mm", lambda: cold(side, 600.0, 2.0), 1500.0, plain(side, 2.0, stiff))
    tell("cold 10-5-10 min, 1 mm", lambda: cold(side, 600.0, 1.0), 1500.0, plain(side, 1.0, stiff))
    tell(
        f"{given.draws} draws of heat, 2.5 mm",
        lambda: each(lambda _: heat(60.0, 600.0, 2.5, 1.0), given.draws),
    )
    tell(f"{given.draws} draws of cold, 2.5 mm", lambda: each(lambda _: cold(60.0, 600.0, 2.5), given.draws))
    if given.growth:
        for n in (64, 80, 100, 128, 160):
            tell(f"heat 10 min, {n} cubed", lambda n=n: heat(float(n), 600.0, 1.0))
        for n in (64, 80, 100, 128):
            tell(f"cold 10-5-10 min, {n} cubed", lambda n=n: cold(float(n), 600.0, 1.0))


def tell(
    name: str, work: Callable[[], object], tissue_s: float = 0.0, plainly: tuple[float, ...] = ()
) -> None:
    clock, processor = time.perf_counter(), time.process_time()
    work()
    took = (time.perf_counter() - clock, time.process_time() - processor)
    beside = "".join(f"{tissue_s * one:15.1f}" for one in plainly)
    print(f"{name:34}{took[0]:15.1f}{took[1]:13.1f}  {beside}", flush=True)


def block(side_mm: float, edge: float) -> HeatMedium:
    n = round(side_mm / edge)

    def of(value: float) -> np.ndarray:
        return np.full((n, n, n), value, np.float32)

    return HeatMedium(
        of(0.31), of(1.2), of(2.68e6), of(1.9e6), of(1.2e8), of(5e8), of(2237.0),
        np.zeros((n, n, n), np.uint8), (edge, edge, edge),
    )  # fmt: skip


def heat(side_mm: float, seconds: float, edge: float, piece: float | None = None) -> None:
    """Ten watts in a bar of 20 x 4 x 4 mm."""
    body = Bioheat(block(side_mm, edge))
    n = body.T.shape[0]
    q = np.zeros(body.T.shape, np.float32)
    half, thin = max(1, round(10 / edge)), max(1, round(2 / edge))
    q[n // 2 - half : n // 2 + half, n // 2 - thin : n // 2 + thin, n // 2 - thin : n // 2 + thin] = 1.0
    q *= 10.0 / (q.sum() * (edge * 1e-3) ** 3)
    for _ in range(round(seconds / (piece or seconds))):
        body.run(piece or seconds, heat=q)


def current(side_mm: float, seconds: float, device: str) -> None:
    """A generator that holds its temperature; cells of 1 mm."""
    n = round(side_mm)
    affine = np.eye(4)
    affine[:3, 3] = -0.5 * (n - 1)
    grid = Volume(np.zeros((n, n, n), np.float32), affine, "degC")
    matter = even_matter(heat_tissue("cancellous"), grid, perfused=True, start_degC=37.0)
    one = applicator_of(device)
    way, half = np.array([0.48, 0.64, 0.6]), 0.5 * one.length_mm
    probe = tuple((-half * way).tolist()), tuple(((90.0 - half) * way).tolist())
    driver = Radiofrequency(grid, matter, one, [probe])
    segment = Segment(seconds, one.power_W.number, one.set_degC.number)
    body = Bioheat(matter.medium)
    while body.time_s < seconds - 1e-6:
        driven = driver.act(body.T, body.time_s, segment)
        body.run(driver.control_s, heat=driven.heat, probes=driven.probes)


def cold(side_mm: float, seconds: float, edge: float, piece: float = 2.0) -> None:
    """Ice, half as long a thaw, ice; a wall of -100 degC, 30 mm long and 2.4 mm thick."""
    body = Bioheat(block(side_mm, edge))
    middle, half = 0.5 * (body.T.shape[0] - 1), min(15.0, 0.2 * side_mm) / edge
    probe = LineProbe((middle, middle, middle - half), (middle, middle, middle + half), 1.2, -100.0)
    for length, probes in ((seconds, [probe]), (0.5 * seconds, []), (seconds, [probe])):
        for _ in range(round(length / piece)):
            body.run(piece, probes=probes)


def plain(side_mm: float, edge: float, diffusivity: float) -> tuple[float, float]:
    """Seconds of the clock and of the processor for a second of tissue: every cell, every step."""
    n = round(side_mm / edge) + 2
    H = np.zeros((n, n, n), np.float32)
    T = np.full((n, n, n), 37.0, np.float32)
    faces = [np.full((n, n, n), 0.31 / (edge * 1e-3) ** 2, np.float32) for _ in range(3)]
    dt = 0.9 * (edge * 1e-3) ** 2 / (6 * diffusivity)
    both = T, T.copy()

    def step(count: int) -> None:
        old, new = both if count % 2 == 0 else both[::-1]
        in_parts(lambda a, b: _rows(a + 1, b + 1, np.float32(dt), old, new, H, *faces), n - 2, cores())

    step(0)
    count = max(4, round(TRIED_S / dt))
    clock, processor = time.perf_counter(), time.process_time()
    for one in range(count):
        step(one)
    return (time.perf_counter() - clock) / (count * dt), (time.process_time() - processor) / (count * dt)


@njit(cache=True, nogil=True, fastmath=True)
def _rows(first, last, dt, T, new, H, x, y, z):
    for i in range(first, last):
        for j in range(1, T.shape[1] - 1):
            for k in range(1, T.shape[2] - 1):
                t = T[i, j, k]
                flow = x[i, j, k] * (T[i + 1, j, k] - t) + x[i - 1, j, k] * (T[i - 1, j, k] - t)
                flow += y[i, j, k] * (T[i, j + 1, k] - t) + y[i, j - 1, k] * (T[i, j - 1, k] - t)
                flow += z[i, j, k] * (T[i, j, k + 1] - t) + z[i, j, k - 1] * (T[i, j, k - 1] - t)
                flow += np.float32(2237.0) * (np.float32(37.0) - t)
                h = H[i, j, k] + dt * flow * np.float32(1.0 / 2.68e6)
                H[i, j, k] = h
                # frozen, a band, unfrozen
                start = np.float32(-38.0)
                into = max(min(h - start, np.float32(0.0)), np.float32(-52.0))
                new[i, j, k] = (
                    np.float32(37.0) + max(h, start) + into * np.float32(0.135)
                    + min(h - start - np.float32(-52.0), np.float32(0.0)) * np.float32(1.41)
                )  # fmt: skip


if __name__ == "__main__":
    main()
