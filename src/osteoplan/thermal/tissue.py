"""What every cube of a heat scene is to heat, cold and current, and how uncertain that is.

    bone      by its CT number between marrow, cancellous bone and cortex, linear from one to the next: an
              intact cortex insulates and a defect in it does not, because the scan says where either is
    lesion    soft tumour where the scan is dark, bone where it is dense
    canal     fat or fluid, as the caller says; a cord where one was labelled
    vessel    keeps blood temperature (it flows), the rest of the body is muscle or fat by CT number
    gas       a wall; metal conducts; cement, set before or in this plan, insulates

Frozen, a tissue conducts more and holds less heat by its share of water, as soft tissue does by its own:

    k_frozen = k (1 + (r_k - 1) w / w_soft)      c_frozen = c (1 + (r_c - 1) w / w_soft)

A sample says where in its sources' range each property lies, the same quantile for every tissue, so that one
patient is well or badly perfused as a whole.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from osteoplan.arrays import F32, F64, Mask
from osteoplan.kernels.bioheat import HELD, METAL, TISSUE, WALL, HeatMedium
from osteoplan.knowledge.tissues import HeatTissue, heat_tissue
from osteoplan.knowledge.values import known, number
from osteoplan.model.ensemble import Ensemble
from osteoplan.model.evidence import Known
from osteoplan.thermal.scene import HeatScene
from osteoplan.trajectory.surroundings import point

__all__ = ["CENTRAL", "CanalFilling", "Matter", "TissueSample", "matter_of", "quantile", "tissue_samples"]

CanalFilling = Literal["fat", "csf"]
CORD = "spinal_cord"  # name of the structure that is one
_CONDUCTOR_S_m = 1e3  # of metal: already without a drop of its own beside tissue, and kind to the solver
_BONE = ("red_marrow", "cancellous", "cortical")  # by rising CT number


@dataclass(frozen=True)
class TissueSample:
    """Where each property lies in the range of its sources: 0 the low end, 0.5 as stated, 1 the high end.

    Attributes:
        embolised: share of its perfusion that the lesion keeps; 1 where it was not embolised.
    """

    perfusion: float = 0.5
    conductivity: float = 0.5
    electric: float = 0.5
    embolised: float = 1.0


CENTRAL = TissueSample()


def tissue_samples(ensemble: Ensemble, m: int, *, embolised: bool) -> tuple[TissueSample, ...]:
    """m sampled patients, the first of the ensemble; draw k is sample k modulo m."""
    few = Ensemble(ensemble.seed, min(m, ensemble.n))
    at = {name: few.strata(f"heat_{name}")[:, 0] for name in ("perfusion", "conductivity", "electric")}
    least, most = known("heat.embolised_perfusion").range
    left = least + (most - least) * few.strata("heat_embolised")[:, 0] if embolised else np.ones(few.n)
    return tuple(
        TissueSample(
            float(at["perfusion"][k]), float(at["conductivity"][k]), float(at["electric"][k]), float(left[k])
        )
        for k in range(few.n)
    )


def quantile(one: Known, at: float) -> float:
    """The number at a place in its range; as stated where no range was."""
    if one.low is None or one.high is None:
        return one.number
    return float(np.interp(at, (0.0, 0.5, 1.0), (one.low, one.number, one.high)))


@dataclass(frozen=True, eq=False)
class Matter:
    """A scene as its equations need it; arrays are (ni, nj, nk).

    Attributes:
        medium: of heat and cold.
        electric_S_m: conductivity at radio frequency and body temperature.
        microwave_S_m, permittivity: at 2.45 GHz.
    """

    medium: HeatMedium
    electric_S_m: F32
    microwave_S_m: F32
    permittivity: F32


def matter_of(
    scene: HeatScene,
    sample: TissueSample = CENTRAL,
    *,
    canal: CanalFilling = "csf",
    cement: F32 | None = None,
) -> Matter:
    """What a scene is made of.

    Args:
        cement: (ni, nj, nk) share of each cube that set cement of this plan fills.
    """
    tissues = _Laid(scene, canal, cement)
    water = tissues.over(lambda one: one.water)
    density = tissues.over(lambda one: one.number("density_kg_m3"))
    k = tissues.over(lambda one: quantile(one.values["conductivity_W_mK"], sample.conductivity))
    c = tissues.over(lambda one: one.volumetric_J_m3K)
    perfusion = tissues.over(
        lambda one: one.perfusion_at(quantile(one.values["perfusion_mL_min_kg"], sample.perfusion))
    )
    perfusion[scene.lesion] *= sample.embolised
    wet = water / number("heat.soft_tissue_water")
    stiffer = number("heat.frozen_conductivity_W_mK") / number("heat.soft_conductivity_W_mK")
    lighter = number("heat.frozen_heat_J_kgK") / number("heat.soft_heat_J_kgK")
    medium = HeatMedium(
        k=k, k_frozen=k * (1.0 + (stiffer - 1.0) * wet),
        c=c, c_frozen=c * (1.0 + (lighter - 1.0) * wet),
        freezing_J=1e6 * number("heat.freezing_MJ_m3") * wet,
        boiling_J=1e6 * number("heat.boiling_MJ_kg") * water * density,
        perfusion=perfusion, kind=tissues.kind,
        spacing_mm=point(scene.grid.spacing_mm),
        blood_degC=number("heat.body_degC"),
        band_degC=(number("heat.mushy_low_degC"), number("heat.mushy_high_degC")),
        wall_h=number("heat.gas_robin_W_m2K"), wall_degC=number("heat.body_degC"),
    )  # fmt: skip
    electric = tissues.over(lambda one: one.number("electric_S_m"))
    spread = known("heat.electric_spread")
    electric[tissues.bone] *= quantile(spread, sample.electric)
    electric = np.minimum(electric, _CONDUCTOR_S_m)
    electric[scene.gas] = 0.0
    return Matter(
        medium, electric, tissues.over(lambda one: one.number("electric_2450MHz_S_m")),
        tissues.over(lambda one: one.number("permittivity_2450MHz")),
    )  # fmt: skip


class _Laid:
    """Which tissue every cube is: an index, or a place between the three of bone."""

    def __init__(self, scene: HeatScene, canal: CanalFilling, cement: F32 | None) -> None:
        hounsfield = np.nan_to_num(scene.grid.array, nan=0.0)
        shape = scene.grid.shape
        self.names = [
            "muscle",
            "fat",
            "lytic_tumour",
            "csf",
            "cord",
            "nerve",
            "disc",
            "blood",
            "cement",
            "metal",
        ]
        at = np.where(number("heat.fat_HU_max") > hounsfield, 1, 0).astype(np.int8)
        self.bone: Mask = np.zeros(shape, dtype=bool)
        for mask in scene.bones.values():
            self.bone |= mask
        lytic = scene.lesion & (number("heat.lytic_HU_max") > hounsfield)
        self.bone = (self.bone | scene.lesion) & ~lytic
        at[lytic] = self._number("lytic_tumour")
        kinds = {"canal": canal, "nerve": "nerve", "joint": "disc", "vessel": "blood"}
        for structure in scene.around.structures:
            if (
                structure.name not in scene.structures
                or structure.kind not in kinds
                or structure.name == CORD
            ):
                continue
            mask = scene.structures[structure.name]
            free = mask & ~self.bone & ~lytic if structure.kind != "canal" else mask
            at[free] = self._number(kinds[structure.kind])
            self.bone &= ~free
        if (cord := scene.structures.get(CORD)) is not None:
            at[cord] = self._number("cord")
            self.bone &= ~cord
        set_before = np.zeros(shape, dtype=bool)
        for implant in scene.around.anatomy.implants:
            if implant.kind == "cement":
                set_before |= scene.to_grid(implant.mask)
        hardened = set_before if cement is None else set_before | (cement > 0.5)
        metal = scene.metal & ~set_before
        at[hardened], at[metal] = self._number("cement"), self._number("metal")
        self.bone &= ~(hardened | metal)
        if scene.fluid is not None:
            at[scene.fluid] = self._number("csf")  # saline, as far as heat goes
        self.at = at
        self.HU = np.clip(hounsfield, number("heat.marrow_HU"), number("heat.cortical_HU"))
        self.kind = np.full(shape, TISSUE, np.uint8)
        self.kind[at == self._number("blood")] = HELD
        self.kind[scene.gas] = WALL
        self.kind[metal] = METAL

    def _number(self, name: str) -> int:
        return self.names.index(name)

    def over(self, of: Callable[[HeatTissue], float]) -> F32:
        """A property of the tissues, cube by cube."""
        table = np.array([of(heat_tissue(name)) for name in self.names], np.float32)
        out: F32 = table[self.at]
        levels = [number(f"heat.{name}_HU") for name in ("marrow", "cancellous", "cortical")]
        values: F64 = np.array([of(heat_tissue(name)) for name in _BONE])
        out[self.bone] = np.interp(self.HU[self.bone], levels, values)
        return out
