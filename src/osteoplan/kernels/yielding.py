"""Bricks that yield: one state and one yield surface for each element.

An element is elastic with the stiffness of ``elasticity`` until its *mean* energy of distortion says no
(Huber and Hencky's reading of von Mises, over the element instead of at a point):

    a      = u_e - p_e                      elastic part of the corner displacements; p_e is the plastic part
    theta  = m.a                            mean dilatation (m: its 24 coefficients)
    K0     = V k0 m m^T + Kd                bulk of the mean dilatation, and all the rest: mean distortion and
                                            every non-uniform mode (bending, twisting)
    J      = sqrt(E^2 G0 / V  a.Kd a)       sqrt(J2) where strain is uniform
    f      = J + alpha I1 - k               I1 = 3 E k0 theta;  yields where f > 0

Return: J falls by G dl, I1 by 9 E k0 beta dl, dl = f / (G + 9 E k0 alpha beta); beyond the tip of the
cone J is 0 and I1 = k / alpha.  Non-uniform modes are scaled together with the mean distortion, so bending
cannot carry what the mean may not, and only the mean dilatation stays elastic: no volumetric locking.

Why so.  Until an element yields it is the element of the linear model.  With alpha = beta the return is the
closest point in the energy norm of a convex set, element by element: an increment is the minimum of a convex
energy, its tangent is symmetric, and the theorems of limit analysis hold on the mesh (a body never gets
stronger where a yield stress falls).  Where an element is bent, its limit moment is sqrt(3) times the moment
at first yield instead of 1.5: that share vanishes with the edge.

    tangent = E r K0 + two vectors:  C00 g g + C01 g m + C10 m g + C11 m m      r = J / J trial, g = Kd a

E r of the first term runs through the fast row kernel; only yielded elements pay for the second.

    symbol       meaning                                                             shape, unit
    places       index of each corner in a line of nodes                             (n_elements, 8)
    E, k         Young's modulus, cohesion k of the yield surface                    (n_elements,) MPa
    alpha, beta  slope of the cone, of the plastic potential                         (n_elements,) 1
    plastic      p_e; defined up to rigid motions of the element                     (n_elements, 24) mm

Drucker-Prager from uniaxial strengths: alpha = (c - t) / (sqrt3 (c + t)), k = 2 c t / (sqrt3 (c + t)).

Sources: von Mises 1913 and Hencky 1924 (energy of distortion); Drucker & Prager 1952; Simo & Hughes,
Computational Inelasticity (1998), ch. 2 and 3 (return, algorithmic tangent); the generalised element surface
is derived here.  Tests: tests/analytic/test_plasticity.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from osteoplan.arrays import F32, F64, I32, I64
from osteoplan.kernels.criteria import mean_strain_matrix
from osteoplan.kernels.elasticity import CORNERS, brick_stiffness
from osteoplan.kernels.threads import shared_out

__all__ = ["Brick", "Elements", "Tangent", "cone", "dilation"]


def cone(compression: npt.ArrayLike, tension: npt.ArrayLike) -> tuple[F64, F64]:
    """(alpha, k [MPa]) of the Drucker-Prager surface through two uniaxial strengths [MPa]."""
    c, t = np.asarray(compression, dtype=np.float64), np.asarray(tension, dtype=np.float64)
    root = np.sqrt(3.0) * (c + t)
    return (c - t) / root, 2.0 * c * t / root


def dilation(degrees: float) -> float:
    """Slope beta of the plastic potential for an angle of dilation: 2 sin / (sqrt3 (3 - sin))."""
    sine = np.sin(np.radians(degrees))
    return float(2.0 * sine / (np.sqrt(3.0) * (3.0 - sine)))


@dataclass(frozen=True, eq=False)
class Brick:
    """What all elements share, at E = 1 MPa.

    Attributes:
        volume: [mm3]; bulk: k0; shear: G0.
        whole: (24, 24) K0; rest: (24, 24) Kd; dilatation: (24,) m; spread: (24,) uniform dilatation of 1
        about the centroid [mm], Kd spread = 0 and m.spread = 3.
    """

    volume: float
    bulk: float
    shear: float
    whole: F64
    rest: F64
    dilatation: F64
    spread: F64

    @classmethod
    def of(cls, edges_mm: tuple[float, float, float], poisson: float) -> Brick:
        """Split the stiffness of a brick."""
        whole = brick_stiffness(edges_mm, poisson)
        volume = float(np.prod(edges_mm))
        bulk, shear = 1.0 / (3.0 * (1.0 - 2.0 * poisson)), 0.5 / (1.0 + poisson)
        m = mean_strain_matrix(edges_mm)[:3].sum(axis=0)
        spread = ((CORNERS - 0.5) * np.asarray(edges_mm)).ravel()
        return cls(volume, bulk, shear, whole, whole - volume * bulk * np.outer(m, m), m, spread)


@dataclass(frozen=True, eq=False)
class Tangent:
    """Where the elements stand after a trial displacement.

    Attributes:
        ratio: (n_elements,) r = J / J trial, 1 where elastic.
        share: (n_elements, 4) C00, C01, C10, C11 [N/mm, with g scaled]; 0 where elastic.
        g: (n_elements, 24) Kd a, scaled to sqrt(G / V) E / J.
        yielded: (n_yielded,) elements that yield, ascending.
        layers: (ni + 1,) first of them in each i-layer.
    """

    ratio: F64
    share: F64
    g: F32
    yielded: I32
    layers: I64


@dataclass(frozen=True, eq=False)
class Elements:
    """The elements of a body in lines of nodes, with what they have gone through.

    Attributes:
        layers: (ni + 1,) first element of each i-layer.
        plastic: (n_elements, 24) p_e [mm]; work: (n_elements,) dissipated energy [N/mm2]; strain:
        (n_elements,) sum of dl / sqrt3, the plastic strain along a bar.
        These three change in ``settle``.
    """

    brick: Brick
    layers: I64
    places: I32
    E: F64
    alpha: F64
    beta: F64
    plastic: F64
    work: F64
    strain: F64
    threads: int = 0

    @classmethod
    def of(
        cls, brick: Brick, layers: I64, places: I32, E: F64, alpha: F64, beta: F64,
        *, threads: int = 0,
    ) -> Elements:  # fmt: skip
        """Elements that have not yielded yet."""
        n = len(E)
        return cls(
            brick, layers, places, E, alpha, beta, np.zeros((n, 24)), np.zeros(n), np.zeros(n), threads
        )

    def respond(self, u: F64, k: F64) -> tuple[F64, Tangent]:
        """(forces of the elements on the nodes, tangent) at displacements u, both (3, nodes)."""
        n, y = len(self.E), np.zeros_like(u)
        ratio, share, g = np.ones(n), np.zeros((n, 4)), np.empty((n, 24), dtype=np.float32)
        b = self.brick
        self._by_layers(
            self.layers, _respond, self.places, self.E, k, self.alpha, self.beta, self.plastic, u, b.rest,
            b.dilatation, b.volume, b.bulk, b.shear, y, ratio, share, g,
        )  # fmt: skip
        yielded = np.flatnonzero(ratio < 1.0).astype(np.int32)
        return y, Tangent(ratio, share, g, yielded, np.searchsorted(yielded, self.layers).astype(np.int64))

    def add_yielded(self, tangent: Tangent, x: F64, y: F64) -> None:
        """y += what the yielded elements add to E r K0 x."""
        self._by_layers(
            tangent.layers, _add_yielded, tangent.yielded, self.places, tangent.share, tangent.g,
            self.brick.dilatation, x, y,
        )  # fmt: skip

    def settle(self, u: F64, k: F64) -> None:
        """Take u for the end of an increment: plastic parts, work and strain move on."""
        b = self.brick

        def work(first: int, last: int) -> None:
            _settle(
                first, last, self.places, self.E, k, self.alpha, self.beta, self.plastic, u, b.rest,
                b.dilatation, b.spread, b.volume, b.bulk, b.shear, self.work, self.strain,
            )  # fmt: skip

        shared_out(work, len(self.E), least=4000, threads=self.threads)

    def demand(self, u: F64, k: F64) -> F64:
        """(n_elements,) factor on displacements u (3, nodes) at which a virgin element yields, inverted; 0 or
        less where it never does, however large they grow."""
        b, out = self.brick, np.zeros(len(self.E))
        a = np.moveaxis(u[:, self.places], 0, -1).reshape(len(self.E), 24)
        J = self.E * np.sqrt(b.shear / b.volume * np.maximum(((a @ b.rest) * a).sum(axis=1), 0.0))
        np.divide(J + self.alpha * 3.0 * self.E * b.bulk * (a @ b.dilatation), k, out=out, where=k > 0)
        return out

    def _by_layers(self, layers: I64, kernel: Any, *args: Any) -> None:
        """Even i-layers, then odd ones: two of one parity share no node, so threads change no bit."""
        for parity in (0, 1):
            count = (len(layers) - parity) // 2
            busy = max(1, int(layers[-1]) // max(count, 1) // 2)  # elements of a layer, on average

            def work(first: int, last: int, parity: int = parity) -> None:
                kernel(2 * first + parity, 2 * last + parity, layers, *args)

            shared_out(work, count, least=max(1, 3000 // busy), threads=self.threads)


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def _elastic(places, e, u, plastic, Kd, m, a, g):  # type: ignore[no-untyped-def]
    """a = u_e - p_e, g = Kd a; (a.g, m.a)."""
    for c in range(8):
        n = places[e, c]
        for d in range(3):
            a[3 * c + d] = u[d, n] - plastic[e, 3 * c + d]
    for r in range(24):
        g[r] = 0.0
    for c in range(24):
        v = a[c]
        for r in range(24):
            g[r] += Kd[c, r] * v
    energy = 0.0
    dilatation = 0.0
    for r in range(24):
        energy += a[r] * g[r]
        dilatation += a[r] * m[r]
    return max(energy, 0.0), dilatation


@njit(cache=True, nogil=True, error_model="numpy")
def _returned(J, I1, k, alpha, beta, G, bulk):  # type: ignore[no-untyped-def]
    """(J, I1) on the yield surface; D, or 0 at the tip of the cone."""
    f = J + alpha * I1 - k
    if f <= 0.0:
        return J, I1, -1.0
    D = G + 9.0 * bulk * alpha * beta
    step = f / D
    if J - G * step > 0.0:
        return J - G * step, I1 - 9.0 * bulk * beta * step, D
    return 0.0, min(I1, k / alpha) if alpha > 0.0 else I1, 0.0


@njit(cache=True, nogil=True, error_model="numpy")
def _respond(  # type: ignore[no-untyped-def]
    first, last, layers, places, E, k, alpha, beta, plastic, u, Kd, m, V, k0, G0, y, ratio, share, g_of
):
    a, g = np.empty(24), np.empty(24)
    for layer in range(first, last, 2):
        for e in range(layers[layer], layers[layer + 1]):
            energy, dilatation = _elastic(places, e, u, plastic, Kd, m, a, g)
            G, bulk = E[e] * G0, E[e] * k0
            J, I1 = E[e] * np.sqrt(G0 / V * energy), 3.0 * bulk * dilatation
            J1, I11, D = _returned(J, I1, k[e], alpha[e], beta[e], G, bulk)
            r = 1.0
            if D >= 0.0:
                r = J1 / J if J > 0.0 else 0.0
                ratio[e] = r
                _tangent(e, r, D, J, alpha[e], beta[e], G, bulk, V, E[e], g, share, g_of)
            pressure = V * I11 / 3.0
            for c in range(8):
                n = places[e, c]
                for d in range(3):
                    y[d, n] += E[e] * r * g[3 * c + d] + pressure * m[3 * c + d]


@njit(cache=True, nogil=True, error_model="numpy")
def _tangent(e, r, D, J, alpha, beta, G, bulk, V, E, g, share, g_of):  # type: ignore[no-untyped-def]
    if D == 0.0:  # the tip bears any direction with one stress
        g_of[e] = 0.0
        return
    scale = E * np.sqrt(G / V) / J
    for c in range(24):
        g_of[e, c] = scale * g[c]
    share[e, 0] = 1.0 - r - G / D
    share[e, 1] = -3.0 * alpha * bulk * np.sqrt(V * G) / D
    share[e, 2] = -3.0 * beta * bulk * np.sqrt(V * G) / D
    share[e, 3] = V * bulk * (1.0 - r - 9.0 * alpha * beta * bulk / D)


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def _add_yielded(first, last, layers, yielded, places, share, g_of, m, x, y):  # type: ignore[no-untyped-def]
    for layer in range(first, last, 2):
        for s in range(layers[layer], layers[layer + 1]):
            e = yielded[s]
            along_g = along_m = 0.0
            for c in range(8):
                n = places[e, c]
                for d in range(3):
                    v = x[d, n]
                    along_g += g_of[e, 3 * c + d] * v
                    along_m += m[3 * c + d] * v
            of_g = share[e, 0] * along_g + share[e, 1] * along_m
            of_m = share[e, 2] * along_g + share[e, 3] * along_m
            for c in range(8):
                n = places[e, c]
                for d in range(3):
                    y[d, n] += g_of[e, 3 * c + d] * of_g + m[3 * c + d] * of_m


@njit(cache=True, nogil=True, error_model="numpy")
def _settle(  # type: ignore[no-untyped-def]
    first, last, places, E, k, alpha, beta, plastic, u, Kd, m, spread, V, k0, G0, work, strain
):
    a, g = np.empty(24), np.empty(24)
    for e in range(first, last):
        energy, dilatation = _elastic(places, e, u, plastic, Kd, m, a, g)
        G, bulk = E[e] * G0, E[e] * k0
        J, I1 = E[e] * np.sqrt(G0 / V * energy), 3.0 * bulk * dilatation
        J1, I11, D = _returned(J, I1, k[e], alpha[e], beta[e], G, bulk)
        if D < 0.0:
            continue
        kept = J1 / J if J > 0.0 else 0.0
        opened = (I1 - I11) / (3.0 * bulk)
        for c in range(24):
            plastic[e, c] += (1.0 - kept) * (a[c] - dilatation / 3.0 * spread[c]) + opened / 3.0 * spread[c]
        work[e] += J1 * (J - J1) / G + I11 / 3.0 * opened
        strain[e] += (J - J1) / (G * np.sqrt(3.0))
