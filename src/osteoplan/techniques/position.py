"""Whether a placed device can be followed with the patient as he lies."""

from __future__ import annotations

from collections.abc import Iterator

from osteoplan.knowledge.guidance import guidance
from osteoplan.model.plan import Place, Violation
from osteoplan.trajectory.reach import why_not
from osteoplan.trajectory.setting import Setting

__all__ = ["reach_violations"]


def reach_violations(act: Place, setting: Setting) -> Iterator[Violation]:
    """The reason where no guidance at hand can follow the device; none where the position is not known."""
    if setting.inventory.position is None:
        return
    guided = tuple(guidance(id) for id in setting.inventory.guidances)
    found = why_not(
        act.entry_mm,
        act.target_mm,
        guided,
        position=setting.inventory.position,
        isocentre_mm=setting.anatomy.isocentre_mm,
    )
    if all(found.values()):
        id, why = next(iter(found.items()))
        lies = setting.inventory.position.replace("_", " ")
        text = f"{act.through.replace('_', ' ')}: not reached with the patient {lies}: {why}"
        yield Violation("reach", f"{text} ({id.replace('_', ' ')})")
