"""The operators of ``rows``, ``transfers`` and ``multigrid`` as CUDA kernels, on the same lines of memory.

One thread gathers one node (the sums have one order), one line of k for a sum of products.  The product
takes the (24, 24) element matrix; a thread gathers 8 cells x 3 rows x 24 columns.  Only bricks with matrices
of their own, few and of a preconditioner, are scattered by atomic sums.

Arguments are those of the twins on the processor.  Tests: tests/unit/test_gpu.py, in numba's simulator.
"""

from __future__ import annotations

from numba import cuda

__all__ = [
    "add_stiffness", "advance", "chebyshev", "direct", "dots", "prolong", "restrict", "scaled",
    "solve_coarsest", "take_off_bricks",
]  # fmt: skip


@cuda.jit
def add_stiffness(nodes, cells, E, K0, u, y, factor):  # type: ignore[no-untyped-def]
    """y += factor * A u."""
    low, high, at = nodes
    cell_low, cell_high, cell_at = cells
    k, j, i = cuda.grid(3)
    if i >= low.shape[0] or j >= low.shape[1] or k < low[i, j] or k >= high[i, j]:
        return
    fx = fy = fz = E[0] * 0
    for a in range(8):
        ci, cj, ck = i - a // 4, j - a // 2 % 2, k - a % 2
        if ci < 0 or cj < 0 or ci >= cell_low.shape[0] or cj >= cell_low.shape[1]:
            continue
        if ck < cell_low[ci, cj] or ck >= cell_high[ci, cj]:
            continue
        e = E[cell_at[ci, cj] + ck]
        gx = gy = gz = e * 0
        for b in range(8):
            m = at[ci + b // 4, cj + b // 2 % 2] + ck + b % 2
            ux, uy, uz = u[0, m], u[1, m], u[2, m]
            gx += K0[3 * a, 3 * b] * ux + K0[3 * a, 3 * b + 1] * uy + K0[3 * a, 3 * b + 2] * uz
            gy += K0[3 * a + 1, 3 * b] * ux + K0[3 * a + 1, 3 * b + 1] * uy + K0[3 * a + 1, 3 * b + 2] * uz
            gz += K0[3 * a + 2, 3 * b] * ux + K0[3 * a + 2, 3 * b + 1] * uy + K0[3 * a + 2, 3 * b + 2] * uz
        fx += e * gx
        fy += e * gy
        fz += e * gz
    n = at[i, j] + k
    y[0, n] += factor * fx
    y[1, n] += factor * fy
    y[2, n] += factor * fz


@cuda.jit
def take_off_bricks(corners, K, d, rest):  # type: ignore[no-untyped-def]
    """rest -= A d of bricks (n, 8) with a matrix (24, 24) each."""
    e = cuda.grid(1)
    if e < corners.shape[0]:
        for r in range(24):
            total = rest[0, 0] * 0
            for s in range(24):
                total += K[e, r, s] * d[s % 3, corners[e, s // 3]]
            cuda.atomic.add(rest, (r % 3, corners[e, r // 3]), -total)


@cuda.jit
def restrict(ways, fine, coarse, r, inverse, out):  # type: ignore[no-untyped-def]
    """out = P^T r on the coarse nodes."""
    low, high, at = fine
    clow, chigh, cat = coarse
    fi, fj, fk = ways
    ck, cj, ci = cuda.grid(3)
    if ci >= clow.shape[0] or cj >= clow.shape[1] or ck < clow[ci, cj] or ck >= chigh[ci, cj]:
        return
    for c in range(3):
        total = r[c, 0] * 0
        for i in range(max(fi * ci - fi + 1, 0), min(fi * ci + fi, low.shape[0])):
            for j in range(max(fj * cj - fj + 1, 0), min(fj * cj + fj, low.shape[1])):
                for k in range(max(fk * ck - fk + 1, low[i, j]), min(fk * ck + fk, high[i, j])):
                    n = at[i, j] + k
                    if inverse[c, n] > 0:
                        halves = (i != fi * ci) + (j != fj * cj) + (k != fk * ck)
                        total += r[c, n] / (1 << halves)
        out[c, cat[ci, cj] + ck] = total


@cuda.jit
def prolong(ways, fine, coarse, x, inverse, z, d):  # type: ignore[no-untyped-def]
    """d = P x on the fine nodes that may move, and z += d."""
    low, high, at = fine
    clow, chigh, cat = coarse
    fi, fj, fk = ways
    k, j, i = cuda.grid(3)
    if i >= low.shape[0] or j >= low.shape[1] or k < low[i, j] or k >= high[i, j]:
        return
    n = at[i, j] + k
    halves = (i % fi != 0) + (j % fj != 0) + (k % fk != 0)
    for c in range(3):
        total = x[c, 0] * 0
        if inverse[c, n] > 0:
            for I in range(i // fi, (i + fi - 1) // fi + 1):
                for J in range(j // fj, (j + fj - 1) // fj + 1):
                    for K in range(k // fk, (k + fk - 1) // fk + 1):
                        if clow[I, J] <= K < chigh[I, J]:
                            total += x[c, cat[I, J] + K]
        total = total / (1 << halves)
        d[c, n] = total
        z[c, n] += total


@cuda.jit
def chebyshev(keep, gain, inverse, rest, d, z):  # type: ignore[no-untyped-def]
    """d = keep d + gain D^-1 rest; z += d."""
    n = cuda.grid(1)
    if n < d.shape[1]:
        for c in range(3):
            v = keep * d[c, n] + gain * inverse[c, n] * rest[c, n]
            d[c, n] = v
            z[c, n] += v


@cuda.jit
def scaled(r, out, factor):  # type: ignore[no-untyped-def]
    """out = factor r, in the type of out."""
    n = cuda.grid(1)
    if n < r.shape[1]:
        for c in range(3):
            out[c, n] = factor * r[c, n]


@cuda.jit
def direct(z, p, beta):  # type: ignore[no-untyped-def]
    """p = z + beta p."""
    n = cuda.grid(1)
    if n < p.shape[1]:
        for c in range(3):
            p[c, n] = z[c, n] + beta * p[c, n]


@cuda.jit
def dots(nodes, a, b, shares):  # type: ignore[no-untyped-def]
    """shares[i, j] = a . b over one line."""
    low, high, at = nodes
    j, i = cuda.grid(2)
    if i < low.shape[0] and j < low.shape[1]:
        total = 0.0
        for c in range(3):
            for k in range(low[i, j], high[i, j]):
                total += a[c, at[i, j] + k] * b[c, at[i, j] + k]
        shares[i, j] = total


@cuda.jit
def advance(nodes, u, r, p, q, free, alpha, shares):  # type: ignore[no-untyped-def]
    """u += alpha p;  q becomes the force on free unknowns;  r -= alpha q;  squares of r over one line."""
    low, high, at = nodes
    j, i = cuda.grid(2)
    if i < low.shape[0] and j < low.shape[1]:
        total = 0.0
        for c in range(3):
            for k in range(low[i, j], high[i, j]):
                n = at[i, j] + k
                u[c, n] += alpha * p[c, n]
                q[c, n] *= free[c, n]
                v = r[c, n] - alpha * q[c, n]
                r[c, n] = v
                total += v * v
        shares[i, j] = total


@cuda.jit
def solve_coarsest(at, inverse, rest, z):  # type: ignore[no-untyped-def]
    """z = A^-1 rest; ``rest`` and ``z`` flat."""
    m = cuda.grid(1)
    if m < at.shape[0]:
        total = rest[0] * 0
        for n in range(at.shape[0]):
            total += inverse[m, n] * rest[at[n]]
        z[at[m]] = total
