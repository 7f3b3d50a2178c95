"""All techniques, the built-in ones through the same door as those of other packages."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from inspect import signature

from osteoplan.errors import NotAvailable
from osteoplan.knowledge.sites import label_of
from osteoplan.techniques.protocol import Technique

__all__ = ["GROUP", "planned_for", "techniques"]

GROUP = "osteoplan.techniques"
# What a plug-in imported under another name -> where it stands.
RENAMED: Mapping[str, str] = {
    "Shelf": "osteoplan.model.inventory.Inventory",
    "osteoplan.model.way": "osteoplan.model.trajectory",
    "osteoplan.trajectory.approaches": "osteoplan.trajectory.needles.search",
    "osteoplan.trajectory.needle": "osteoplan.trajectory.needles.search",
    "osteoplan.techniques.transpedicular": "osteoplan.techniques.filling",
}


def techniques() -> Mapping[str, Technique]:
    """Techniques by id, in order of id.

    Raises:
        NotAvailable: a plug-in cannot be loaded, is not a technique, or takes the id of another one; it is
            never left out in silence.
    """
    found: dict[str, Technique] = {}
    for point in entry_points(group=GROUP):
        technique = _load(point)
        if technique.id != point.name or technique.id in found:
            raise NotAvailable(
                f"technique plug-in '{point.name}' ({point.value}) calls itself '{technique.id}': "
                "an id must be unique and equal to its entry point's name"
            )
        found[technique.id] = technique
    return dict(sorted(found.items()))


def planned_for(bone: str) -> bool:
    """False where every technique that is planned here names its ``bones``, and this one is not among them.

    Known from the name alone, before any image is read; a plug-in that names none may be for any bone.
    """
    kind = label_of(bone).split("_")[0]
    return any(kind in getattr(one, "bones", (kind,)) for one in techniques().values() if one.kind == "plan")


def _load(point: EntryPoint) -> Technique:
    try:
        technique = point.load()()
    except Exception as cause:
        said = f"{cause}{_today(str(cause))}"
        raise NotAvailable(
            f"technique plug-in '{point.name}' ({point.value}) cannot be loaded: {said}; "
            "repair it or uninstall its package"
        ) from cause
    if not isinstance(technique, Technique):
        raise NotAvailable(
            f"technique plug-in '{point.name}' ({point.value}) is not a technique: it needs id, title, kind, "
            "propose and violations"
        )
    for name in ("propose", "violations"):
        asked = tuple(signature(getattr(Technique, name)).parameters)[1:]
        given = tuple(signature(getattr(technique, name)).parameters)
        if given != asked:
            raise NotAvailable(
                f"technique plug-in '{point.name}' ({point.value}): {name} takes ({', '.join(asked)}), not "
                f"({', '.join(given)}); a setting holds what was anatomy and shelf"
            )
    return technique


def _today(said: str) -> str:
    """The name of today for one that a plug-in imports in vain; nothing where none was renamed."""
    found = [f"{old} is {new} now" for old, new in RENAMED.items() if f"'{old}'" in said]
    return f" ({'; '.join(found)})" if found else ""
