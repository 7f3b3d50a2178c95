"""Screw corridors: the widest straight cylinder in bone from entry to exit region, the screws that fit.

A corridor that is looked for and not found is a ``Trajectory`` with status ``none``, the place where it is
too narrow, how wide it is there and what is needed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from osteoplan.knowledge.corridors import Template
from osteoplan.knowledge.corridors import templates as package_templates
from osteoplan.knowledge.devices import devices
from osteoplan.model.device import Device
from osteoplan.model.trajectory import Trajectory
from osteoplan.trajectory.corridors.exact import measured_exactly
from osteoplan.trajectory.corridors.regions import Missing, OffScan
from osteoplan.trajectory.corridors.report import found_way, narrow_way, no_way
from osteoplan.trajectory.corridors.search import Axis, axes_of, place_of
from osteoplan.trajectory.corridors.to_skin import OuterWay, outer_way
from osteoplan.trajectory.surroundings import Surroundings

__all__ = ["corridors", "suited"]


def corridors(
    around: Surroundings,
    templates: Iterable[Template] | None = None,
    *,
    screws: Iterable[Device] | None = None,
    through: str | None = None,
) -> tuple[Trajectory, ...]:
    """One trajectory for each template, side and level that applies to the bones of a neighbourhood.

    Args:
        around: bones with their frames, and what to avoid; the patient's metal counts as no bone.
        templates: which to look for; all of the package where None.
        screws: what there is to put in; all screws of the package where None.
        through: canonical label of a bone that they must run in; any where None.

    A template applies where its bones are there and their axes are known, and always to the target bone: what
    this scan does not show of that is then told as the reason of a way that does not exist.
    """
    chosen = package_templates().values() if templates is None else templates
    shelf = tuple(devices().values() if screws is None else screws)
    return tuple(
        _way(around, template, names, suited(template, shelf))
        for template in chosen
        for names in _instances(around, template)
        if through is None or through in (label.format(**names) for label in template.bones)
    )


def suited(template: Template, screws: Iterable[Device]) -> tuple[Device, ...]:
    """Screws that are made for a template's bones and as thick as is used there, widest first."""
    least, most = template.diameters_mm
    fitting = [
        one
        for one in screws
        if one.kind == "screw"
        and "outer_diameter_mm" in one.values
        and least <= one.values["outer_diameter_mm"].number <= most
        and ("for_bones" not in one.values or one.values["for_bones"].value in template.screws)
    ]
    return tuple(sorted(fitting, key=lambda one: (-one.values["outer_diameter_mm"].number, one.id)))


def _instances(around: Surroundings, template: Template) -> Iterator[Mapping[str, str]]:
    """Sides and levels on which a template applies."""
    for level in template.levels or ("",):
        for side in template.sides:
            names = template.names(side, level)
            labels = [label.format(**names) for label in template.bones]
            if not all(label in around.bones and around.bones[label].any() for label in labels):
                continue
            framed = {
                ((row.of or row.bone).format(**names), row.frame)
                for row in (template.entry, template.exit, template.waist)
                if row is not None and row.frame not in ("own", "patient")
            }
            known = all(kind in around.frames.get(label, {}) for label, kind in framed)
            if known or around.target in labels:
                yield names


def _way(
    around: Surroundings, template: Template, names: Mapping[str, str], screws: Sequence[Device]
) -> Trajectory:
    """The corridor of a template on one side, or why there is none."""
    try:
        place = place_of(around, template, names)
    except OffScan as why:
        return replace(no_way(around, template, names, ""), status="not_judged", reasons=(str(why),))
    except Missing as why:
        return no_way(around, template, names, str(why))
    axes = axes_of(place)
    if not axes:
        said = (
            "no line from the entry to the exit is long enough on this scan, or passes between them as asked"
        )
        return no_way(around, template, names, said)
    if not screws:
        return no_way(around, template, names, "no screw of this kind is on the shelf")
    needed = screws[-1].values["outer_diameter_mm"].number
    promising = [axis for axis in axes if axis.whole and 2.0 * axis.score >= needed]
    exact = [measured_exactly(around, place, axis) for axis in promising]
    wide = sorted((axis for axis in exact if 2.0 * axis.score >= needed), key=lambda axis: -axis.score)
    if not wide:
        return narrow_way(around, place, names, exact[0] if exact else axes[0], needed)
    axis, outer = _reached(around, place.template, wide, needed)
    return found_way(around, place, names, axis, outer, screws)


def _reached(
    around: Surroundings, template: Template, axes: Sequence[Axis], needed: float
) -> tuple[Axis, OuterWay]:
    """The widest axis that can be reached from the skin; the widest of all where none can."""
    first: tuple[Axis, OuterWay] | None = None
    for axis in axes:
        outer = outer_way(around, template, axis.entry_mm, -axis.way, needed)
        if not outer.blocked:
            return axis, outer
        first = first or (axis, outer)
    assert first is not None
    return first
