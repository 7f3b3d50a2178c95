"""A lytic and a crushed vertebra filled with cement, beside what was measured in cadavers: no gate.

VerSe 004 L2, its density scaled so that the mean of its trabecular bone is the published 70.7 mg/cm3, between
caps and through discs:

    lytic      ball of soft tissue about the middle of the body; cement in a ball that grows from its middle
    crushed    trabecular bone keeps a third of its modulus (assumed: no loss of a crushed body was read);
               cement in two balls, one on each side

Cement enters as in a plan (``knowledge.materials``).  Stiffness is K between caps; strength is the load at
which 2 % of the body's bone outside cement and hole pass 0.7 % effective strain.
Sources: Molloy 2003 (120 bodies, abstract); 40 bodies with made defects (abstract).
Tests: tests/analytic/test_augmented.py.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from osteoplan.arrays import F64, Bool
from osteoplan.knowledge.materials import cavity_modulus, composite_modulus
from osteoplan.knowledge.values import number
from osteoplan.verification.closed_forms import Finding
from osteoplan.verification.vertebrae import L2_IMAGE, L2_LABELS, DISC_MPa, L2States, Load, verse_l2

__all__ = ["Filled", "crossing", "defect", "molloy"]

MEAN_MG, TRABECULAR, BONE = 70.7, 1, (1, 2, 3, 4)
CRUSHED = 1.0 / 3.0
TOLERANCE = 1e-5  # of the residual; ratios move by less than 1e-4
SMALL_MM, LARGE_MM = 11.0, 13.0  # 17 and 27 % of the body
SIDE = 0.2  # of the body's width, from its middle
LYTIC_FILLS, CRUSHED_FILLS = (8.0, 12.0, 15.0, 18.0), (20.0, 25.0, 30.0)  # % of the body


def crossing(fills: tuple[float, ...], ratios: tuple[float, ...]) -> float:
    """Fill [%] at which a ratio that rises with it reaches 1; NaN where it does not within them."""
    if not ratios[0] <= 1.0 <= ratios[-1]:
        return float("nan")
    return float(np.interp(1.0, ratios, fills))


@dataclass(frozen=True, eq=False)
class Filled:
    """The scaled vertebra and its fills."""

    states: L2States
    trabecular: Bool

    @classmethod
    def of(cls, load: Load) -> Filled:
        """From the two files of the vertebra.

        Raises:
            NotAvailable: they are not at hand.
        """
        labels, density = load(L2_LABELS), load(L2_IMAGE).astype(np.float64)
        scale = MEAN_MG / float(density[labels == TRABECULAR].mean())
        density = np.where(np.isin(labels, BONE), scale * density, density)
        capped = verse_l2(lambda name: density if name == L2_IMAGE else labels, shift=0)
        return cls(L2States(capped, np.isin(labels, (1, 2))), labels == TRABECULAR)

    @cached_property
    def intact(self) -> tuple[float, float, float]:
        """(K between caps, strength between caps, strength through discs)."""
        none = np.zeros_like(self.states.body)
        return (
            *self._solved(self.states.capped.E, none),
            self._solved(self.states.capped.E, none, disc=True)[1],
        )

    def lytic(self, radius_mm: float, fill_pct: float) -> tuple[float, float, float]:
        """Shares of ``intact`` with a ball of soft tissue, and cement in that share of the body."""
        hole, cement = self.states.ball(radius_mm), self._nearest(((0.0, 0.0, 0.0),), fill_pct)
        E = np.where(hole, number("bone.lytic_tissue_modulus"), self.states.capped.E)
        E = self._cemented(E, cement, hole)
        K, caps = self._solved(E, hole | cement)
        _, discs = self._solved(E, hole | cement, disc=True)
        return K / self.intact[0], caps / self.intact[1], discs / self.intact[2]

    def crushed(self, fill_pct: float) -> float:
        """Share of the intact stiffness with crushed bone and cement on both sides."""
        width = float(np.ptp(np.argwhere(self.states.body)[:, 0]))
        cement = self._nearest(((-SIDE * width, 0.0, 0.0), (SIDE * width, 0.0, 0.0)), fill_pct)
        E = np.where(self.trabecular, CRUSHED * self.states.capped.E, self.states.capped.E)
        return self._solved(self._cemented(E, cement, np.zeros_like(cement)), cement)[0] / self.intact[0]

    def _nearest(self, places: tuple[tuple[float, float, float], ...], fill_pct: float) -> Bool:
        """(ni, nj, nk) the share of the body that is nearest to any of the places, from its middle."""
        away = np.min([self.states.away(place) for place in places], axis=0)
        body = self.states.body
        within = np.sort(away[body])[: int(0.01 * fill_pct * body.sum())]
        return np.asarray(body & (away <= within[-1])) if len(within) else np.zeros_like(body)

    @staticmethod
    def _cemented(E: F64, cement: Bool, hole: Bool) -> F64:
        pmma, porosity = number("cement.pmma_modulus"), number("cement.porosity")
        inside, bond = cavity_modulus(pmma, porosity), number("cement.interface_factor")
        filled = np.where(hole, inside, composite_modulus(pmma, porosity, bond))
        return np.where(cement, np.maximum(E, filled), E)

    def _solved(self, E: F64, apart: Bool, *, disc: bool = False) -> tuple[float, float]:
        """(stiffness, strength of the body's bone that is not set ``apart``)."""
        states = replace(self.states, capped=replace(self.states.capped, E=E), body=self.states.body & ~apart)
        caps = DISC_MPa if disc else number("cement.cap_modulus")
        return states.stiffness_and_strength(caps, TOLERANCE)


def molloy(l2: Filled) -> Finding:
    """Fill at which ratios to intact reach 1: strength and stiffness, of a lytic and of a crushed body."""
    lytic = tuple(zip(*(l2.lytic(SMALL_MM, fill) for fill in LYTIC_FILLS), strict=True))
    K, caps, discs = (crossing(LYTIC_FILLS, ratios) for ratios in lytic)
    crushed = crossing(CRUSHED_FILLS, tuple(l2.crushed(fill) for fill in CRUSHED_FILLS))
    note = (
        f"strength outside cement {caps:.1f} % between caps, {discs:.1f} % through discs (published 16.2 %, "
        f"r2 .27); stiffness {K:.1f} % of a lytic, {crushed:.1f} % of a crushed body (published 29.8 %, "
        "r2 .21): bonded, undamaged cement brings stiffness back first, so it is not told as strength"
    )
    return max(caps, discs), note


def defect(l2: Filled) -> Finding:
    """What the hole leaves, and what filling it brings, of intact."""
    share = 100.0 * l2.states.share(l2.states.ball(LARGE_MM))
    hole, full = (tuple(100.0 * ratio for ratio in l2.lytic(LARGE_MM, fill)) for fill in (0.0, share))
    note = (
        f"of intact: stiffness {hole[0]:.0f}, strength between caps {hole[1]:.0f}, through discs "
        f"{hole[2]:.0f}; "
        f"filled {full[0]:.0f}, {full[1]:.0f}, {full[2]:.0f} (published: defect 54, PMMA about 122; printed "
        "order of its groups is uncertain)"
    )
    return hole[2], note
