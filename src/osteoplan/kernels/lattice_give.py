"""How much less a lattice of bricks gives around a rod than the continuum that it stands for.

Bricks spread what acts on a few of their nodes: a rod that is pulled through coarse bricks is held as if it
were thicker.  The same is known of wells in coarse grids (Peaceman 1978).  A ring of radius r around an axis
bears one of nine sources, each a uniform line along the axis: a force (mode 0, per length) or a pair of
forces (modes 1 and 2: weighted by the place across), in three directions.  Far rings do not see the lattice;
what the ring itself sees too little of is, by Parseval, an integral over the plane of wave vectors across it:

    give = 1 / (2 pi)^2 int M* (G(q) - phi(q)^4 G_h(q)) M dq        at E = 1 MPa

    symbol   meaning                                                     unit
    G, G_h   inverse symbols of elasticity and of the bricks             mm2/MPa
    phi      square root of the transform of a trilinear hat             1
    M        transform of reading the ring: J0, and 2 i J1 / r           1, 1/mm

Where the axis meets the lattice does not enter: the mean over all places.  The result is symmetric and not
negative, for bricks only hold back (Galerkin); it vanishes with the edge of the bricks.

Source: Peaceman 1978 (the idea).  Tests: tests/analytic/test_embedding.py.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.special import jv

from osteoplan.arrays import F64
from osteoplan.kernels.elasticity import CORNERS, brick_stiffness

__all__ = ["give_of_bricks"]

ANGLES = 24  # over half a turn
REACH = 40.0  # wave numbers up to this over the radius, or over two edges: 1 % of the rest lies beyond


def give_of_bricks(edges_mm: F64, frame: F64, radius_mm: float, poisson: float) -> F64:
    """(9, 9) compliance [mm2/N] of one mm of rod at E = 1 MPa; row 3 b + c: mode b, direction c.

    ``frame``: rows along the rod and two across, in the lattice's axes.
    """
    key = (*np.round(edges_mm, 9), *np.round(frame, 9).ravel(), round(radius_mm, 9), poisson)
    return _give(tuple(float(v) for v in key))


@lru_cache(maxsize=64)
def _give(key: tuple[float, ...]) -> F64:
    edges, frame, (r, poisson) = np.array(key[:3]), np.array(key[3:12]).reshape(3, 3), key[12:]
    panel = 2.0 / max(r, edges.max())
    count = int(np.ceil(REACH / min(r, 2.0 * edges.min()) / panel))
    x, w = np.polynomial.legendre.leggauss(8)
    size = (panel * (np.arange(count)[:, None] + 0.5 + 0.5 * x)).ravel()
    angle = np.pi * (np.arange(ANGLES) + 0.5) / ANGLES
    ways = np.outer(np.cos(angle), frame[1]) + np.outer(np.sin(angle), frame[2])
    q = size[:, None, None] * ways
    hats = np.sinc(q * edges / (2.0 * np.pi)).prod(axis=-1) ** 4
    lack = np.linalg.inv(_continuum(q, poisson)) - hats[..., None, None] * np.linalg.inv(
        _bricks(q, edges, poisson)
    )
    first = 2.0j / r * jv(1, size * r)
    modes = np.stack(
        [
            jv(0, size * r)[:, None] + 0.0 * angle,
            np.outer(first, np.cos(angle)),
            np.outer(first, np.sin(angle)),
        ]
    )
    area = np.tile(w, count) * 0.5 * panel * size * (2.0 * np.pi / ANGLES) / (2.0 * np.pi) ** 2
    summed = np.einsum("qt,aqt,bqt,qtij->aibj", area[:, None] + 0.0 * angle, modes.conj(), modes, lack,
                       optimize=True).real  # fmt: skip
    turned: F64 = np.einsum("ci,aibj,dj->acbd", frame, summed, frame).reshape(9, 9)
    return 0.5 * (turned + turned.T)


def _continuum(q: F64, poisson: float) -> F64:
    """(..., 3, 3) mu q^2 + (lambda + mu) q q^T at E = 1."""
    mu, more = 0.5 / (1.0 + poisson), 0.5 / ((1.0 + poisson) * (1.0 - 2.0 * poisson))
    out: F64 = (
        mu * (q**2).sum(axis=-1)[..., None, None] * np.eye(3) + more * q[..., :, None] * q[..., None, :]
    )
    return out


def _bricks(q: F64, edges: F64, poisson: float) -> F64:
    """(..., 3, 3) symbol of the bricks over their volume; real, for the lattice is its own mirror."""
    wave = np.exp(1j * (q @ (CORNERS * edges).T))
    K0 = brick_stiffness(edges.tolist(), poisson).reshape(8, 3, 8, 3)
    out: F64 = np.einsum("...a,acbd,...b->...cd", wave.conj(), K0, wave, optimize=True).real
    return np.asarray(out / edges.prod())
