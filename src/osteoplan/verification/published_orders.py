"""Rows of the verification table that ask for what others saw: which state is stronger, by about how much.

An order is a list of promises; the row counts those that are broken (0 is expected), and its note tells the
numbers, with the published one beside ours where there is one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache

from osteoplan.verification.augmented import Filled, defect, molloy
from osteoplan.verification.closed_forms import Finding, Proof
from osteoplan.verification.hollow_roof import roof
from osteoplan.verification.rod_bending import wired_tube
from osteoplan.verification.vertebrae import CEMENT_MPa, DISC_MPa, L2States, Load

__all__ = ["ORDERS", "broken", "l2_rows"]

CODE = "an independent hex8 code"


def broken(*promises: bool) -> float:
    """How many do not hold."""
    return float(sum(not kept for kept in promises))


def l2_rows(load: Load | None) -> tuple[Proof, ...]:
    """Rows about the VerSe vertebra; ``load`` None: only to be named, not to be computed."""

    @cache
    def states() -> L2States:
        assert load is not None
        return L2States.of(load)

    @cache
    def filled() -> Filled:
        assert load is not None
        return Filled.of(load)

    def one(name: str) -> Callable[[], Finding]:
        return lambda: states().stiffness[name]

    return (
        Proof("L2-lesion", "VerSe 004 L2 with a lesion of 11 mm", 7992.0, 1e-3, one("lesion"), CODE, "N/mm"),
        Proof("L2-core", "the same, its inner half cemented", 8061.0, 1e-3, one("core"), CODE, "N/mm"),
        Proof("L2-full", "the same, all of it cemented", 17243.0, 1e-3, one("full"), CODE, "N/mm"),
        Proof(
            "order-bridging", "a core of cement adds nothing, a bridging column much, a full fill most",
            0.0, 0.0, lambda: bridging(states().stiffness), CODE,
        ),
        Proof(
            "order-lytic-size", "lytic holes cost stiffness as published, more by size than by site",
            0.0, 0.0, lambda: lytic(states()), "micro-FE of lytic holes: -3 to -30 % for 4 to 35 % of volume",
        ),
        Proof(
            "order-pmma-disc", "cement caps carry more than discs", 0.0, 0.0, lambda: discs(states()),
            "Maquer: ultimate force 22 % higher; disc of 8 MPa from PMC3415303",
        ),
        Proof(
            "molloy-fill", "lytic L2: fill at which strength is back by both supports", 16.2, None,
            lambda: molloy(filled()), "Molloy 2003 (120 osteoporotic bodies, in vitro; abstract)", "%",
        ),
        Proof(
            "lytic-filled", "L2 with 27 % of its body removed: strength left, through discs", 54.0, None,
            lambda: defect(filled()), "40 bodies with made lytic defects (abstract)", "%",
        ),
    )  # fmt: skip


def bridging(K: Mapping[str, float]) -> Finding:
    """L2: core < 3 % of intact, column at least 30 %, full fill more than the column."""
    gain = {name: (K[name] - K["lesion"]) / K["intact"] for name in ("core", "column", "full")}
    note = (
        f"gain over the lesion in % of intact: core {100 * gain['core']:.1f} (published 0.7), column of 5 mm "
        f"{100 * gain['column']:.1f} (published 61.2, its radius is not told), full {100 * gain['full']:.1f} "
        "(published 88.6)"
    )
    return broken(gain["core"] < 0.03, gain["column"] > 0.30, gain["full"] > gain["column"]), note


def lytic(l2: L2States) -> Finding:
    """Loss inside the band, and twice the spread between sites below the difference between sizes."""
    intact = l2.stiffness["intact"]
    small = [100 * (K / intact - 1) for K in l2.small_lesions.values()]
    large = 100 * (l2.stiffness["lesion"] / intact - 1)
    spread = max(small) - min(small)
    note = (
        f"{100 * l2.share(l2.ball(8.0)):.1f} % of the body: {min(small):.1f} to {max(small):.1f} % over four "
        f"sites; {100 * l2.share(l2.ball(11.0)):.1f} %: {large:.1f} %"
    )
    return broken(*(-30 <= loss <= -3 for loss in (*small, large)), 2 * spread < small[0] - large), note


def discs(l2: L2States) -> Finding:
    """Load at which 2 % of the body pass 0.7 % strain, cement against disc."""
    more = 100 * (l2.load_at_failure(CEMENT_MPa) / l2.load_at_failure(DISC_MPa) - 1)
    note = (
        f"load at the strain criterion {more:.0f} % higher (published 22 %, ultimate force of 12 specimens)"
    )
    return broken(more > 0), note


def neutral_axis() -> Finding:
    """Cement below 2 % of the tube's E I, two wires in it below 5 %, and as theory says within 0.5 %."""
    cement, wires, theory = wired_tube()
    note = (
        f"E I over the bare tube's: cement {cement:.4f} (sum of E I 1.0098), with two 2 mm wires {wires:.4f} "
        f"({theory:.4f}); published: no gain, p .43, .35, .65 (30 tibiae)"
    )
    return broken(cement < 1.02, wires < 1.05, abs(wires / theory - 1) < 0.005), note


def screw_and_cement() -> Finding:
    """Stiffness of both above either alone, by at least 2 % of intact, for a small and a larger fill."""
    promises, told = [], []
    intact, screw = roof(hole=False), roof(screw=True)
    for fill in (0.7, 0.85):
        cement, both = roof(fill=fill), roof(fill=fill, screw=True)
        best = max(cement.stiffness, screw.stiffness)
        promises.append(both.stiffness > best + 0.02 * intact.stiffness)
        K = [100 * state.stiffness / intact.stiffness for state in (screw, cement, both)]
        F = [100 * state.failure_N / intact.failure_N for state in (screw, cement, both)]
        told.append(
            f"cement {fill:g} of the hole's size: stiffness in % of intact screw {K[0]:.0f}, cement "
            f"{K[1]:.0f}, both {K[2]:.0f}; load at the strain criterion {F[0]:.0f}, {F[1]:.0f}, {F[2]:.0f}"
        )
    return broken(*promises), "; ".join(told)


def cortex_stress() -> Finding:
    """The hole raises the roof's strain by half or more; fill brings it to intact or below, softer less."""
    intact, hole = roof(hole=False), roof()
    stiff, soft = roof(fill=1.0), roof(fill=1.0, cement_MPa=500.0)
    ratio = [state.roof_strain / intact.roof_strain for state in (hole, stiff, soft)]
    note = (
        f"strain of the roof's cortex over intact: hole {ratio[0]:.2f}, filled with 2200 MPa "
        f"{ratio[1]:.2f}, with 500 MPa {ratio[2]:.2f}"
    )
    return broken(ratio[0] > 1.5, ratio[1] < 1.05, ratio[1] < ratio[2] < ratio[0]), note


ORDERS: tuple[Proof, ...] = (
    Proof("order-neutral-axis", "cement and wires on the neutral axis of a shaft add no bending stiffness",
        0.0, 0.0, neutral_axis, "Cazzato 2018"),
    Proof("order-screw-cement", "screw and cement together are stiffer than either (block with a hole)",
        0.0, 0.0, screw_and_cement, "AORIF on composite hemipelves, energy absorbed"),
    Proof("order-cortex-stress", "fill restores the strain of the cortex, softer cement less (same block)",
        0.0, 0.0, cortex_stress, "Li 2007"),
)  # fmt: skip
