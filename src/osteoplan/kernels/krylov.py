"""A x = r for an operator and a changing preconditioner, on arrays of any shape.

    conjugate gradients   symmetric, positive: beta = -alpha z.q / (z_old.r_old), the form that bears a
                          preconditioner in single precision (Golub & Ye 1999)
    gmres                 anything else: flexible, restarted (Saad 1993)

Both stop at a residual ``goal`` or after ``most`` products, and return what they have: an inexact Newton step
is judged by the residual that follows it.  Sums run in one order whatever the count of threads.
Tests: tests/analytic/test_plasticity.py.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numba import njit

from osteoplan.arrays import F64, Real
from osteoplan.errors import BadInput

__all__ = ["conjugate_gradients", "gmres", "require_goal", "total"]

Apply = Callable[[F64], F64]

RESTART = 25
LEAST_TOLERANCE = 1e-15  # a few roundings of double precision: no residual is known better


def require_goal(tolerance: float, max_iterations: int) -> None:
    """Refuse a relative residual, or a count of steps, that no iteration can be stopped by.

    Raises:
        BadInput: a tolerance outside [1e-15, 1), or no whole positive number of steps.
    """
    real = isinstance(tolerance, (float, int, np.floating, np.integer)) and not isinstance(tolerance, bool)
    if not (real and LEAST_TOLERANCE <= tolerance < 1.0):
        raise BadInput(
            f"a tolerance of {tolerance} cannot be met or means nothing: it is a relative residual, give one "
            f"from {LEAST_TOLERANCE:g} (double precision) to below 1 (no solution at all), such as 1e-8"
        )
    whole = isinstance(max_iterations, (int, np.integer)) and not isinstance(max_iterations, bool)
    if not (whole and max_iterations > 0):
        raise BadInput(f"max_iterations is {max_iterations}: give a whole number of steps, 1 or more")


def total(a: Real, b: Real) -> float:
    """a.b"""
    return float(_dot(a.ravel(), b.ravel()))


def conjugate_gradients(
    A: Apply, M: Callable[[F64], Real], r: F64, *, goal: float, most: int
) -> tuple[F64, int]:
    """(x, products with A); ends early where A turns out not to be positive along a direction."""
    x, p, q = np.zeros_like(r), np.zeros_like(r), np.zeros_like(r)
    r = r.copy()
    zr, alpha = 1.0, 0.0
    for step in range(1, most + 1):
        z = M(r)
        old, zr = zr, total(z, r)
        beta = 0.0 if step == 1 else -alpha * total(z, q) / old
        _advance(p.ravel(), z.ravel(), beta)
        q = A(p)
        curvature = total(p, q)
        if not (curvature > 0.0 and np.isfinite(curvature)):
            return (x if step > 1 else z), step
        alpha = zr / curvature
        if np.sqrt(_take_step(x.ravel(), r.ravel(), p.ravel(), q.ravel(), alpha)) <= goal:
            return x, step
    return x, most


def gmres(A: Apply, M: Apply, r: F64, *, goal: float, most: int) -> tuple[F64, int]:
    """(x, products with A)."""
    x, rest, done = np.zeros_like(r), r, 0
    while done < most:
        dx, steps = _arnoldi(A, M, rest, goal=goal, most=min(RESTART, most - done))
        x, done = x + dx, done + steps + 1
        rest = r - A(x)
        if np.sqrt(total(rest, rest)) <= 1.1 * goal:
            break
    return x, done


def _arnoldi(A: Apply, M: Apply, r: F64, *, goal: float, most: int) -> tuple[F64, int]:
    size = np.sqrt(total(r, r))
    basis, moved = [r / size], []
    H = np.zeros((most + 1, most))
    rhs = np.zeros(most + 1)
    rhs[0] = size
    for step in range(most):
        moved.append(M(basis[step]))
        w = A(moved[step])
        for i, v in enumerate(basis):
            H[i, step] = total(v, w)
            _advance_by(w.ravel(), v.ravel(), -H[i, step])
        H[step + 1, step] = np.sqrt(total(w, w))
        part = H[: step + 2, : step + 1]
        weights = np.linalg.lstsq(part, rhs[: step + 2], rcond=None)[0]
        if np.linalg.norm(part @ weights - rhs[: step + 2]) <= goal or H[step + 1, step] == 0.0:
            break
        basis.append(w / H[step + 1, step])
    x = np.zeros_like(r)
    for weight, z in zip(weights, moved, strict=True):
        _advance_by(x.ravel(), z.ravel(), weight)
    return x, len(moved)


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"reassoc", "contract"})
def _dot(a, b):  # type: ignore[no-untyped-def]
    s = 0.0
    for n in range(len(a)):
        s += a[n] * b[n]
    return s


@njit(cache=True, nogil=True, error_model="numpy")
def _advance(p, z, beta):  # type: ignore[no-untyped-def]
    """p = z + beta p."""
    for n in range(len(p)):
        p[n] = z[n] + beta * p[n]


@njit(cache=True, nogil=True, error_model="numpy")
def _advance_by(x, z, weight):  # type: ignore[no-untyped-def]
    """x += weight z."""
    for n in range(len(x)):
        x[n] += weight * z[n]


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"reassoc", "contract"})
def _take_step(x, r, p, q, alpha):  # type: ignore[no-untyped-def]
    """x += alpha p; r -= alpha q; r.r"""
    s = 0.0
    for n in range(len(x)):
        x[n] += alpha * p[n]
        v = r[n] - alpha * q[n]
        r[n] = v
        s += v * v
    return s
