"""Run by test_heat_gpu.py in a process of its own, in numba's simulator of CUDA: prints one line of JSON."""

from __future__ import annotations

import json

import numpy as np

from osteoplan.kernels import bioheat_gpu
from osteoplan.kernels.bioheat import TISSUE, Bioheat
from osteoplan.kernels.bioheat_gpu import run_on_gpu
from tests.analytic.test_bioheat import bits

bioheat_gpu.BLOCK = (4, 4, 1)  # every simulated thread is a real one: no more than needed


def main():
    medium, start = bits(shape=(6, 7, 6))
    print(
        json.dumps(
            {"warm": beside(medium, np.maximum(start, 15.0), 0.05), "cold": beside(medium, start, 0.005)}
        )
    )


def beside(medium, start, piece):
    """The twin beside the processor, in pieces as short as a step: both then take the same ones."""
    q = np.where(medium.kind == TISSUE, 3e5, 0.0)
    q[4:, 4:, 3:] = 3e8
    ours, theirs = (Bioheat(medium, start, edge="insulated") for _ in range(2))
    theirs.watch([(4, 4, 4)])
    audits, looks = [], []
    for _ in range(40):
        ours.run(piece, heat=q)
        audits.append(run_on_gpu(theirs, piece, heat=q, on_step=lambda *seen: looks.append(seen) or True))
    return {
        "audit": max(audits), "least": float(theirs.T.min()), "most": float(theirs.T.max()),
        "T": off(ours.T, theirs.T), "T_max": off(ours.T_max, theirs.T_max),
        "T_min": off(ours.T_min, theirs.T_min), "dose": off(np.log1p(ours.cem43), np.log1p(theirs.cem43)),
        "omega": off(np.log1p(ours.omega), np.log1p(theirs.omega)),
        "dead": int((ours.dead != theirs.dead).sum()), "looks": len(looks), "watched": len(theirs.watched[0]),
        "further": theirs.run(1.0).error, "time": theirs.time_s - 40 * piece,
    }  # fmt: skip


def off(one, other):
    return float(np.abs(one - other).max())


if __name__ == "__main__":
    main()
