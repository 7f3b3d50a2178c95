"""Run by test_gpu.py in a process of its own, in numba's simulator of CUDA: prints one line of JSON."""

from __future__ import annotations

import json

import numpy as np

import osteoplan
from osteoplan.kernels import gpu, multigrid
from osteoplan.kernels.elasticity import Bricks, Stiffness, brick_stiffness
from osteoplan.kernels.gpu import GpuHierarchy, GpuSystem, equilibrium_on_gpu
from osteoplan.kernels.multigrid import Hierarchy, equilibrium

gpu.BLOCK, gpu.FLAT = (5, 4, 1), 64  # every simulated thread is a real one: no more than needed
multigrid.COARSEST_NODES = 15  # four grids on a tiny body
H = (0.7, 1.1, 1.9)


def body(shape, seed=2):
    """(stiffness, fixed, prescribed): moduli over three decades, a void column, a support inside."""
    E = 10.0 ** np.random.default_rng(seed).uniform(0, 3, shape)
    E[0, 0] = 0.0
    mesh = Bricks.of(E > 0)
    low, up = mesh.nodes[:, 2] == 0, mesh.nodes[:, 2] == shape[2]
    fixed = np.repeat((low | up)[:, None], 3, axis=1)
    fixed[len(fixed) // 2, 1] = True
    prescribed = np.zeros(fixed.shape)
    prescribed[up] = (0.01, 0.0, -0.1)
    A = Stiffness.uniform(mesh, brick_stiffness(H, 0.3), mesh.of_box(E), dtype=np.float64)
    return A, fixed, prescribed


def off(a, b):
    return float(np.abs(a - b).max() / np.abs(b).max())


def main():
    A, fixed, prescribed = body((2, 3, 4))
    random = np.random.default_rng(0).standard_normal(fixed.shape)
    system = GpuSystem.of(A, fixed, None)
    u = gpu._put(A.mesh.lines_of_nodes(random))
    system.times(u, system.q)
    found = {"product": off(A.mesh.of_lines(system.q.copy_to_host()), A(random))}

    ours = Hierarchy.averaged(A, fixed)
    theirs = GpuHierarchy.of(ours)
    rest = A.mesh.lines_of_nodes((random * ~fixed).astype(np.float32))
    ours.levels[0].rest[:] = rest
    ours.cycle()
    theirs.levels[0].rest.copy_to_device(rest)
    theirs.cycle()
    found["levels"] = len(ours.levels)
    found["factors"] = [list(level.rows.factors) for level in ours.levels[1:]]
    found["cycle"] = off(theirs.levels[0].z.copy_to_host(), ours.levels[0].z)

    steps = []
    twin = equilibrium_on_gpu(
        A, fixed=fixed, prescribed_mm=prescribed, tolerance=1e-5,
        on_step=lambda step, residual: steps.append(step) or True,
    )  # fmt: skip
    plain = equilibrium(
        A, fixed=fixed, prescribed_mm=prescribed, preconditioner=Hierarchy.averaged(A, fixed), tolerance=1e-5
    )
    found["displacement"] = off(twin.displacement_mm, plain.displacement_mm)
    found["reaction"] = off(twin.reaction_N, plain.reaction_N)
    found["iterations"] = [twin.iterations, plain.iterations, len(steps)]
    found["residual"] = twin.residual

    held = np.full((3, 2, 4, 3), np.nan)
    held[:, :, 0] = 0.0
    force = np.zeros(held.shape)
    force[:, :, -1] = (0.1, 0.2, -1.0)
    pulled = [
        osteoplan.solve_voxels(np.full((2, 1, 3), 50.0), H, held, force_N=force, device=device)
        for device in ("cpu", "cuda")
    ]
    found["pulled"] = off(pulled[1].reaction_N, pulled[0].reaction_N)
    found["bent"] = off(pulled[1].displacement_mm, pulled[0].displacement_mm)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
