"""All techniques, the built-in ones through the same door as those of other packages."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points

from osteoplan.errors import NotAvailable
from osteoplan.techniques.protocol import Technique

__all__ = ["GROUP", "techniques"]

GROUP = "osteoplan.techniques"


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


def _load(point: EntryPoint) -> Technique:
    try:
        technique = point.load()()
    except Exception as cause:
        raise NotAvailable(
            f"technique plug-in '{point.name}' ({point.value}) cannot be loaded: {cause}; "
            "repair it or uninstall its package"
        ) from cause
    if not isinstance(technique, Technique):
        raise NotAvailable(
            f"technique plug-in '{point.name}' ({point.value}) is not a technique: it needs id, title, kind, "
            "propose, violations and effects"
        )
    return technique
