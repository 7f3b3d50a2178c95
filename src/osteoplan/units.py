"""One unit system: N, mm, MPa, s, degC.

It is consistent: forces in N over areas in mm2 are MPa, energies in N mm are mJ, and W/(m K) has the same
number as mW/(mm K).  The aliases below carry the UCUM code of each unit; they are documentation that a
reader and a tool can see, not run-time checks.

    def yield_force(area_mm2: Mm2, strength_MPa: MPa) -> Newton: ...
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

__all__ = [
    "HU", "UCUM", "MPa", "MgPerCm3", "Millilitre", "Mm", "Mm2", "Mm3", "Newton", "NewtonPerMm", "told_apart",
    "ucum",
]  # fmt: skip


def told_apart(value: float, bound: float, least: int = 1) -> tuple[str, str]:
    """Two numbers in as many decimals, at least ``least``, as tell them apart: ``("1.96", "2.00")``."""
    digits = next((n for n in range(least, 9) if f"{value:.{n}f}" != f"{bound:.{n}f}"), least)
    return f"{value:.{digits}f}", f"{bound:.{digits}f}"


@dataclass(frozen=True)
class UCUM:
    """Code of a unit in the Unified Code for Units of Measure."""

    code: str


Mm = Annotated[float, UCUM("mm")]
Mm2 = Annotated[float, UCUM("mm2")]
Mm3 = Annotated[float, UCUM("mm3")]
Millilitre = Annotated[float, UCUM("mL")]
Newton = Annotated[float, UCUM("N")]
NewtonPerMm = Annotated[float, UCUM("N/mm")]
MPa = Annotated[float, UCUM("MPa")]
MgPerCm3 = Annotated[float, UCUM("mg/cm3")]
HU = Annotated[float, UCUM("[hnsf'U]")]

# What the product writes beside a number, and the UCUM code that a program reads.
_UCUM_BY_SYMBOL = {
    "mm": "mm",
    "s": "s",
    "MB": "MBy",
    "mm2": "mm2",
    "mm3": "mm3",
    "mL": "mL",
    "N": "N",
    "N/mm": "N/mm",
    "N mm": "N.mm",
    "N mm/deg": "N.mm/deg",
    "MPa": "MPa",
    "mg/cm3": "mg/cm3",
    "HU": "[hnsf'U]",
    "%": "%",
    "1": "1",
    "deg": "deg",
    "degC": "Cel",
    "min": "min",
    "d": "d",
    "wk": "wk",
    "a": "a",
    "kg": "kg",
    "cm": "cm",
    "Gy": "Gy",
    "mGy": "mGy",
    "mL/min": "mL/min",
    "10*9/L": "10*9/L",
    "mg/dL": "mg/dL",
    "g/dL": "g/dL",
    "IU/L": "[IU]/L",
    "mg/d": "mg/d",
    "mo": "mo",
    "W": "W",
    "K": "K",
    "kg/m3": "kg/m3",
    "J/(kg.K)": "J/(kg.K)",
    "W/(m.K)": "W/(m.K)",
    "W/(m2.K)": "W/(m2.K)",
    "W/(m3.K)": "W/(m3.K)",
    "W/m": "W/m",
    "MJ/m3": "MJ/m3",
    "MJ/kg": "MJ/kg",
    "kJ/kg": "kJ/kg",
    "kJ/mol": "kJ/mol",
    "S/m": "S/m",
    "Ohm": "Ohm",
    "V": "V",
    "1/s": "1/s",
    "1/m": "1/m",
    "1/K": "1/K",
    "mL/min/kg": "mL/min/kg",
}


def ucum(symbol: str) -> str:
    """UCUM code of a unit symbol that the product uses.

    Raises:
        KeyError: the symbol is not one of the product's; add it to the table above.
    """
    return _UCUM_BY_SYMBOL[symbol]
