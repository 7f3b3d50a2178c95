"""What tissues are to heat, cold and current (``data/tissues``): density, heat, conductivity, perfusion.

Units are those of the names; ``volumetric`` and ``perfusion`` turn them into what a heat equation needs:

    c = rho c_p                               [J/(m3 K)]
    W = HTR rho / 6e7 * rho_b c_b             [W/(m3 K)]     HTR in mL/min per kg of tissue
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from osteoplan.errors import named
from osteoplan.knowledge.load import KnownRow, Strict, all_known, documents
from osteoplan.knowledge.values import number
from osteoplan.model.evidence import Known

__all__ = ["HeatTissue", "heat_tissue", "heat_tissues"]


class _TissueRow(Strict):
    name: str
    values: dict[str, KnownRow]


class _TissueFile(Strict):
    date: datetime.date | None = None
    tissues: dict[str, _TissueRow]


@dataclass(frozen=True)
class HeatTissue:
    """One tissue and its cited properties by name, the unit in the name."""

    id: str
    name: str
    values: Mapping[str, Known]

    def number(self, name: str) -> float:
        """One property.

        Raises:
            UnknownName: it is not known of this tissue.
        """
        return named("property", name, self.values, f"the tissue '{self.id}'").number

    @property
    def volumetric_J_m3K(self) -> float:
        """Heat capacity of a volume."""
        return self.number("density_kg_m3") * self.number("heat_J_kgK")

    @property
    def perfusion_W_m3K(self) -> float:
        """Heat that blood of the body's warmth brings per kelvin."""
        return self.perfusion_at(self.number("perfusion_mL_min_kg"))

    def perfusion_at(self, mL_min_kg: float) -> float:
        """The same of another flow [W/(m3 K)]."""
        share = mL_min_kg * self.number("density_kg_m3") / 6e7
        return share * number("heat.blood_density_kg_m3") * number("heat.blood_heat_J_kgK")

    @property
    def water(self) -> float:
        """Share of the mass that freezes and boils; soft tissue's where none is told."""
        return self.number("water") if "water" in self.values else number("heat.soft_tissue_water")


@cache
def heat_tissues() -> Mapping[str, HeatTissue]:
    """Every tissue by id."""
    return {
        id: HeatTissue(id, row.name, all_known(row.values, f"the tissue '{id}'"))
        for file in documents("tissues", _TissueFile).values()
        for id, row in file.tissues.items()
    }


def heat_tissue(id: str) -> HeatTissue:
    """The tissue of that id.

    Raises:
        UnknownName: there is none.
    """
    return named("tissue", id, heat_tissues(), "knowledge/data/tissues")
