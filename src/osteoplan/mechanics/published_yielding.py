"""The VerSe 004 L2 vertebra until it yields: beside a published strength whose definition is not stated.

The published run was perfectly plastic by Tresca, the same in tension and compression, to 2.0 mm; its tables
of moduli and strengths are read one bin too high (``published_vertebrae``).  Ours is von Mises.  Tresca's
hexagon lies inside von Mises' circle and around one of sqrt(3) / 2 of its size, so a Tresca limit load lies
between 0.866 and 1 times ours.  Told in docs/ladder.md; tests/analytic/test_published_yielding.py.
"""

from __future__ import annotations

import numpy as np

from osteoplan.kernels.plasticity import Body, Grip, LoadPath, follow
from osteoplan.knowledge.materials import Density, material, modulus_law, strength_law
from osteoplan.mechanics.published_vertebrae import Load, supported, verse_l2

__all__ = ["HEIGHT_MM", "PUBLISHED_N", "TRESCA_LEAST", "yield_l2"]

HEIGHT_MM, PUBLISHED_N = 29.0, 1847.0  # of the published table
TRESCA_LEAST = np.sqrt(3.0) / 2.0


def yield_l2(load: Load, *, shift: int, to_mm: float, steps: int = 6) -> LoadPath:
    """Path of the vertebra by von Mises; ``shift`` 1 reads both tables as the published run did."""
    potted = verse_l2(load, shift=shift)
    mesh, E, fixed, prescribed, _ = supported(potted, clamped=False)
    cap = mesh.of_box(potted.superior | potted.inferior)
    # a modulus tells its bin, and so its density: the law of moduli is one power
    ((_, _, coefficient, exponent),) = modulus_law("kopperdahl_2002_power").pieces
    density = Density((E / coefficient) ** (1.0 / exponent), "K2HPO4")
    bone = strength_law("kopperdahl_2002_yield")(density, floor_MPa=1e-4)
    strength = np.where(cap, float(material("yielding.cap_yield").value or 0.0), bone)
    flat = np.zeros_like(E)
    body = Body(mesh, (1.0, 1.0, 1.0), 0.3, E, strength / np.sqrt(3.0), flat, flat)
    return follow(body, Grip(fixed, prescribed), to_mm=to_mm, steps=steps, tolerance=1e-3)
