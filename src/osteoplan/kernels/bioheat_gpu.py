"""Heat and cold on a CUDA device: the twin of ``Bioheat.run`` without probes and metal.

One thread takes one cell, and every cell the step that the stiffest one needs: a device has no use for a
window.  What it did lies in the ``Bioheat`` after it, which goes on wherever it is asked to.  Temperatures
agree with the processor's to the length of the steps, not bit by bit.

Chosen on request only.  It has run in numba's simulator and never on a device.
Tests: tests/unit/test_heat_gpu.py.
"""

from __future__ import annotations

from math import ceil

import numpy as np
from numba import cuda

from osteoplan.arrays import Real
from osteoplan.errors import BadInput, Cancelled, NotAvailable, OnStep
from osteoplan.kernels.bioheat import LOOK_S, NOT_COUNTED, SAFETY, Bioheat
from osteoplan.kernels.bioheat_steps import BOIL, STEAM
from osteoplan.kernels.damage import DEAD_CEM43_MIN, arrhenius_step, cem43_step
from osteoplan.kernels.gpu import require_gpu

__all__ = ["run_on_gpu"]

BLOCK = (32, 4, 1)  # threads along k, j, i

_minutes = cuda.jit(device=True)(cem43_step.py_func)
_omega = cuda.jit(device=True)(arrhenius_step.py_func)


def run_on_gpu(
    body: Bioheat, seconds: float, *, heat: Real | None = None, on_step: OnStep | None = None
) -> float:
    """Go on for some time; arguments are those of ``Bioheat.run``.

    Returns:
        Share of the energy that is not accounted for.

    Raises:
        BadInput: a time that is not positive, or heat of another shape.
        NotAvailable: no device, or metal in the medium.
        Cancelled: ``on_step`` returned False; what was reached by then stands.
    """
    require_gpu()
    if not (np.isfinite(seconds) and seconds > 0.0):
        raise BadInput(f"a run lasts a positive time, not {seconds} s")
    if len(body._metal):
        raise NotAvailable("metal conducts implicitly, and that is not done on the GPU: take the processor")
    source, _ = body._take(heat)
    before = body._energies()
    put = cuda.to_device
    A, B, An, Bn, e = (put(part) for part in (body._A, body._B, body._A.copy(), body._B.copy(), body._e))
    W, T, T_max, T_min, dose, omega = (
        put(part) for part in (body._W, body.T, body.T_max, body.T_min, body.cem43, body.omega)
    )
    brought = put(np.zeros(body._e.shape))
    still = [put(part) for part in (body._gain, body._q, body._keeps)]
    faces = [put(part) for part in (*body._faces, *body._frozen_faces)]
    thermal = [put(part) for part in body._thermal]
    heads = body._blood, body._band[0], body._band[1], np.float32(body.medium.dried)
    sets = put(np.array([(np.log(rate), energy) for rate, energy in body.sets.values()]).reshape(-1, 2))
    ni, nj, nk = body.T.shape
    grid = (-(-nk // BLOCK[0]), -(-nj // BLOCK[1]), ni), BLOCK
    frozen = bool((body._B < 0.0).any()) or bool((body._q < 0.0).any())
    fastest = float((body._stiff if frozen else body._rate).max())
    count = max(1, ceil(seconds * fastest / SAFETY - 1e-9), ceil(seconds / LOOK_S - 1e-9))
    dt, since = seconds / count, 0.0
    stopped = False
    for step in range(1, count + 1):
        _stir[grid](np.float32(dt), A, B, An, Bn, e, W, brought, *still, *faces, *thermal, *heads)
        A, B, An, Bn, since = An, Bn, A, B, since + dt
        if since + dt > LOOK_S * (1 + 1e-9) or step == count:
            _look[grid](since, A, B, W, T, T_max, T_min, dose, omega, sets, heads[3])
            body.time_s += since
            since = 0.0
            if len(body._watched):
                body.T[...] = T.copy_to_host()
                body._keep_watch()
            if on_step is not None and not on_step(step, body.time_s):
                stopped = True
                break
    for name, part in (
        ("_A", A),
        ("_B", B),
        ("_e", e),
        ("_W", W),
        ("T", T),
        ("T_max", T_max),
        ("T_min", T_min),
    ):
        getattr(body, name)[...] = part.copy_to_host()
    body.cem43[...], body.omega[...] = dose.copy_to_host(), omega.copy_to_host()
    body._An[...], body._Bn[...] = body._A, body._B
    body._joules, body._window = NOT_COUNTED, body._whole
    if stopped:
        raise Cancelled(f"stopped after {body.time_s:.1f} s of heat or cold")
    stored, edge, wall = (float(part) for part in body._energies() - before)
    given, perfusion = source * body._cell_m3 * seconds, float(brought.copy_to_host().sum()) * body._cell_m3
    largest = max(map(abs, (stored, edge, wall, given, perfusion)))
    return abs(stored + edge + wall - given - perfusion) / max(largest, 1e-12)


@cuda.jit
def _stir(  # type: ignore[no-untyped-def]
    dt, A, B, An, Bn, e, W, brought, gain, q, keeps, ux, uy, uz, fx, fy, fz, melt, ratio, boil, blood, below,
    above, dried,
):  # fmt: skip
    """An, Bn, e after dt seconds; the same sums as ``bioheat_steps.stir`` and ``settle``."""
    k, j, i = cuda.grid(3)
    i, j, k = i + 1, j + 1, k + 1
    if i >= A.shape[0] - 1 or j >= A.shape[1] - 1 or k >= A.shape[2] - 1:
        return
    t, v = A[i, j, k], B[i, j, k]
    flow = ux[i - 1, j, k] * (A[i - 1, j, k] - t) + ux[i, j, k] * (A[i + 1, j, k] - t)
    flow += uy[i, j - 1, k] * (A[i, j - 1, k] - t) + uy[i, j, k] * (A[i, j + 1, k] - t)
    flow += uz[i, j, k - 1] * (A[i, j, k - 1] - t) + uz[i, j, k] * (A[i, j, k + 1] - t)
    flow += fx[i - 1, j, k] * (B[i - 1, j, k] - v) + fx[i, j, k] * (B[i + 1, j, k] - v)
    flow += fy[i, j - 1, k] * (B[i, j - 1, k] - v) + fy[i, j, k] * (B[i, j + 1, k] - v)
    flow += fz[i, j, k - 1] * (B[i, j, k - 1] - v) + fz[i, j, k] * (B[i, j, k + 1] - v)
    zero = np.float32(0.0)
    if v >= zero:
        p = W[i, j, k] * (blood - t)
        brought[i, j, k] += dt * p
        flow += p
    x = e[i, j, k] + dt * gain[i, j, k] * (flow + q[i, j, k])
    e[i, j, k] = x
    if keeps[i, j, k]:
        An[i, j, k], Bn[i, j, k] = t, v
        return
    start, wide = above - blood, above - below
    y = min(x - start, zero)
    inside = max(y, -melt[i, j, k] * wide)
    t = max(x, start) + blood + inside / melt[i, j, k] + (y - inside) * ratio[i, j, k]
    s = min(max(above - t, zero), wide)
    v = -s * s * np.float32(0.5) / wide - max(below - t, zero)
    if t > BOIL:
        gap = np.float32(STEAM - BOIL)
        over = x - (np.float32(BOIL) - blood)
        steep = (boil[i, j, k] + gap) / gap
        t = np.float32(BOIL) + min(over / steep, gap) + max(over - steep * gap, zero) * dried
    An[i, j, k], Bn[i, j, k] = t - v, v


@cuda.jit
def _look(seconds, A, B, W, T, T_max, T_min, dose, omega, sets, dried):  # type: ignore[no-untyped-def]
    """Extremes and damage since the last look; the same as ``bioheat_steps.look``."""
    k, j, i = cuda.grid(3)
    if i >= T.shape[0] or j >= T.shape[1] or k >= T.shape[2]:
        return
    a, old = A[i + 1, j + 1, k + 1], T[i, j, k]
    t = a + B[i + 1, j + 1, k + 1]
    if a > STEAM:
        t = np.float32(STEAM) + (a - np.float32(STEAM)) / dried
    T[i, j, k] = t
    T_max[i, j, k] = max(T_max[i, j, k], t)
    T_min[i, j, k] = min(T_min[i, j, k], t)
    if max(t, old) > 39.0:
        dose[i, j, k] += _minutes(np.float64(old), np.float64(t), seconds)
        for n in range(sets.shape[0]):
            omega[n, i, j, k] += _omega(np.float64(old), np.float64(t), seconds, sets[n, 0], sets[n, 1])
        if dose[i, j, k] > DEAD_CEM43_MIN:
            W[i + 1, j + 1, k + 1] = np.float32(0.0)
