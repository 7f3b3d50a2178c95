"""Checks, or prints anew, the mass attenuation table of ``knowledge/data/materials/attenuation.yaml``.

    pip install xraydb        # a development tool, never needed to plan
    python benchmarks/attenuation_table.py

Every number is recomputed from the stated composition and the Elam tables of ``xraydb`` (total cross section,
coherent scatter included) and compared with what is stored; seen on 23 Nov 2026 with xraydb 4.5.8: largest
difference 0.033 %, which is the rounding of four digits.
"""

from __future__ import annotations

import sys

import numpy as np
import xraydb

from osteoplan.knowledge.attenuation import attenuation_table


def main() -> int:
    table = attenuation_table()
    worst = 0.0
    for name, material in table.materials.items():
        parts = material.composition
        if material.formula:
            atoms = xraydb.chemparse(material.formula)
            mass = sum(xraydb.atomic_mass(element) * n for element, n in atoms.items())
            parts = {element: xraydb.atomic_mass(element) * n / mass for element, n in atoms.items()}
        energies_eV = 1000.0 * np.array(table.energies_keV)
        mu = sum(w * xraydb.mu_elam(element, energies_eV, kind="total") for element, w in parts.items())
        off = 100.0 * (mu / np.array(material.mu_over_rho_cm2_g) - 1.0)
        worst = max(worst, float(np.abs(off).max()))
        print(
            f"{name:16s}"
            + " ".join(f"{v:.4g}" for v in mu)
            + f"   largest difference {np.abs(off).max():.3f} %"
        )
    print(f"largest difference of all: {worst:.3f} %")
    return int(worst > 0.05)


if __name__ == "__main__":
    sys.exit(main())
