"""How fast a vertebra is solved: steps, seconds, unknowns per second, and Jacobi's steps in the same run.

    python benchmarks/solver.py [--data FOLDER] [--sizes 32 48]

``--data`` names the folder of development scans (default: OSTEOPLAN_DATA or ../shared/data); without it only
the synthetic bodies are solved: cylinders of trabecular bone with a shell, a soft lesion
and a ball of cement between caps.  Seconds depend on the machine; the ratio of steps does not.
"""

from __future__ import annotations

import argparse
import os
import resource
import time
from pathlib import Path

import numpy as np

from osteoplan.io.nifti import read_nifti
from osteoplan.kernels.elasticity import Bricks, Stiffness, brick_stiffness
from osteoplan.kernels.multigrid import Hierarchy, equilibrium
from osteoplan.verification.vertebrae import L2_IMAGE, supported, verse_l2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("OSTEOPLAN_DATA", "../shared/data")))
    parser.add_argument("--sizes", type=int, nargs="*", default=[32, 48, 64])
    parser.add_argument("--no-jacobi", action="store_true", help="leave out the slow comparison")
    given = parser.parse_args()
    start = time.perf_counter()
    _warm_up()
    print(f"compiling or loading the kernels: {time.perf_counter() - start:.1f} s\n")
    print("case              M unknowns   contrast  set-up s  solve s  steps  M unknowns/s  Jacobi steps")
    if (given.data / L2_IMAGE).is_file():
        capped = verse_l2(lambda name: read_nifti(given.data / name, "MPa").array, shift=0)
        mesh, E, fixed, prescribed, _ = supported(capped, clamped=False)
        report("VerSe 004 L2", mesh, E, fixed, prescribed, (1.0, 1.0, 1.0), not given.no_jacobi)
    else:
        print(f"VerSe 004 L2      not found below {given.data}")
    for n in given.sizes:
        mesh, E, fixed, prescribed = synthetic_body(n)
        report(f"synthetic {n}", mesh, E, fixed, prescribed, (1.0, 1.0, 1.0), not given.no_jacobi)
    print(f"\npeak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB")


def report(name, mesh, E, fixed, prescribed, edges, with_jacobi) -> None:
    A = Stiffness.uniform(mesh, brick_stiffness(edges, 0.3), E, dtype=np.float64)
    start = time.perf_counter()
    M = Hierarchy.of(A, fixed)
    built = time.perf_counter()
    found = equilibrium(A, fixed=fixed, prescribed_mm=prescribed, preconditioner=M)
    done = time.perf_counter()
    unknowns = (~fixed).sum() / 1e6
    jacobi = ""
    if with_jacobi:
        inverse = np.where(fixed, 0.0, 1.0 / A.diagonal())
        slow = equilibrium(
            A,
            fixed=fixed,
            prescribed_mm=prescribed,
            preconditioner=lambda r: inverse * r,
            max_iterations=20000,
        )
        jacobi = f"{slow.iterations} ({slow.iterations / found.iterations:.0f} x)"
    print(
        f"{name:17} {unknowns:10.3f} {E.max() / E.min():10.0f} {built - start:9.2f} {done - built:8.2f} "
        f"{found.iterations:6d} {unknowns / (done - start):13.2f}  {jacobi}"
    )


def synthetic_body(n: int):
    """(mesh, moduli, fixed, prescribed) of a cylinder n wide and 3n/4 high with lesion and cement."""
    high = 3 * n // 4
    x, y, z = np.meshgrid(np.arange(n), np.arange(n), np.arange(high), indexing="ij")
    r = np.hypot(x - n / 2 + 0.5, y - n / 2 + 0.5)
    E = np.where(r < n / 2 - 1, 300.0 * np.exp(np.random.default_rng(0).normal(0, 0.5, r.shape)), 0.0)
    E[(r >= n / 2 - 2) & (r < n / 2)] = 4000.0
    ball = np.sqrt((x - 0.55 * n) ** 2 + (y - 0.5 * n) ** 2 + (z - 0.5 * high) ** 2)
    E[ball < 0.22 * n] = 3.0
    E[ball < 0.15 * n] = 1660.0
    E[(r < n / 2) & ((z < 3) | (z >= high - 3))] = 2500.0
    mesh = Bricks.of(E > 0)
    low, up = mesh.nodes[:, 2] == 0, mesh.nodes[:, 2] == high
    fixed = np.zeros((len(mesh.nodes), 3), dtype=bool)
    fixed[low | up] = True
    prescribed = np.zeros(fixed.shape)
    prescribed[up, 2] = -1.0
    return mesh, mesh.of_box(E), fixed, prescribed


def _warm_up() -> None:
    mesh, E, fixed, prescribed = synthetic_body(16)
    A = Stiffness.uniform(mesh, brick_stiffness((1.0, 1.0, 1.0), 0.3), E, dtype=np.float64)
    equilibrium(A, fixed=fixed, prescribed_mm=prescribed)


if __name__ == "__main__":
    main()
