"""What a plan breaks, told from its acts: whether what is placed passes too near, or too much is injected.

Every check is measured afresh on the plan's own ends and volumes, whoever proposed or edited it:

    a screw that stays      its corridor, its length, its tip, the other screws
    a wire that stays       bone around it, the other wires
    a needle                its approach, and what stays
    a probe                 the way, or the screw, that it goes through
    an agent injected       its share of what it is to fill, its volume

The limits are those that the inventory states.
"""

from __future__ import annotations

from collections.abc import Iterator

from osteoplan.model.anatomy import Anatomy
from osteoplan.model.effects import Effects
from osteoplan.model.plan import Plan, Violation
from osteoplan.techniques.effects import effects
from osteoplan.techniques.filling import lesion_mL, needle_violations
from osteoplan.techniques.fixation import screw_violations
from osteoplan.techniques.probe_ways import probe_violations
from osteoplan.techniques.reinforced_cement import wire_violations
from osteoplan.techniques.vertebroplasty import body_mL
from osteoplan.trajectory.setting import Setting

__all__ = ["violations"]


def violations(plan: Plan, setting: Setting) -> tuple[Violation, ...]:
    """Hard limits that the acts of a plan break, in sentences with numbers; empty where there are none.

    Raises:
        UnknownName: the inventory lacks a device of the plan, or states no limit for what it does.
    """
    done = effects(plan, setting.inventory.devices)
    return (
        *screw_violations(plan, setting),
        *wire_violations(plan, setting),
        *needle_violations(plan, setting, done.solids),
        *probe_violations(plan, setting),
        *_filling(done, setting),
    )


def _filling(done: Effects, setting: Setting) -> Iterator[Violation]:
    """Limits on how much is injected: of a vertebra's body, elsewhere of the lesion."""
    injected = sum(port.volume_mL for port in done.ports)
    if not injected:
        return
    room, what = _room(setting.anatomy)
    share, most = 100.0 * injected / room, setting.inventory.limit("fill_share_max_pct").number
    if share > most * (1.0 + 1e-9):
        text = f"{injected:.1f} mL are {share:.0f} % of the {what}, {most:.0f} % at most"
        yield Violation("fill_share_max_pct", text, share, most, "%")
    highest = setting.inventory.limit("fill_volume_highest_mL").number
    if injected > highest * (1.0 + 1e-9):
        text = f"{injected:.1f} mL of cement, {highest:.1f} mL at most"
        yield Violation("fill_volume_highest_mL", text, injected, highest, "mL")


def _room(anatomy: Anatomy) -> tuple[float, str]:
    """(volume that cement is to fill [mL], what it is)."""
    if "body" in anatomy.parts:
        return body_mL(anatomy), "vertebral body"
    return lesion_mL(anatomy), "lesion"
