"""From an option to the nouns of its procedure sheet.

Lengths and angles are measured afresh on the two ends of each straight device; gaps are those of the plan.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import assert_never

import numpy as np

from osteoplan.arrays import Point
from osteoplan.model.anatomy import Anatomy, StructureKind
from osteoplan.model.device import Device
from osteoplan.model.heat import HeatPeak
from osteoplan.model.outcome import Estimate
from osteoplan.model.plan import Act, Deliver, Expand, Inject, Measure, Option, Place, Remove, Sample, Wait
from osteoplan.report.drawing.pictures import stamps_of
from osteoplan.report.places import angles, skin_to_bone_mm, slice_words
from osteoplan.report.protocol import clock_words, each_of, source_words
from osteoplan.report.sheet.nouns import Asked, FeltView, Moment, NearView, PathView, Sheet, SheetLine, Stop
from osteoplan.report.views import INTENDED_USE
from osteoplan.report.words import name_of, number, plain, tag, way_words
from osteoplan.trajectory.geometry import segment_distance

__all__ = ["marked_paths", "sheet_view"]

_AVOIDED: tuple[StructureKind, ...] = ("canal", "nerve", "vessel", "pleura", "bowel", "organ")
_NEAREST, _NEAREST_TERSE = 6, 3
_FELT, _FELT_TERSE = 3, 1
_LOOKED = "in brackets: 90 % of devices that stray uncorrected"
_CIRCLED = ord("①")
_HALF_PAGE = 40  # letters in a line of half the page's width
_SAME_MM = 1.0  # ends of two devices nearer than that are one way in
_TWICE = ("screws", "wires")  # lines whose content stands in the table, the steps and the list too


def sheet_view(asked: Asked, *, terse: bool = False) -> Sheet:
    """Everything that the sheet says; ``terse`` leaves out reasons and what is farthest away."""
    option, anatomy = asked.option, asked.anatomy
    places = marked_paths(option)
    near = _near(option, anatomy)
    stop = tuple(_stop_words(row, asked, near) for row in _stop_rows(asked))
    materials = tuple(line for line in _materials(asked, places) if not (terse and line.label in _TWICE))
    steps = tuple(_steps(asked, places, terse))
    felt = tuple(_felt(asked))[: _FELT_TERSE if terse else _FELT]
    lesion = anatomy.lesion
    return Sheet(
        program=asked.program,
        use=INTENDED_USE,
        case=asked.case.id,
        plan=asked.plan[:12],
        date=asked.date[:10],
        side=_side(asked, places),
        level=anatomy.level,
        level_note="level NOT confirmed" if anatomy.is_vertebra and not lesion.level_confirmed else "",
        title=option.plan.title,
        position=name_of(asked.case.procedure.get("position", "position not stated")),
        lesion=f"lesion {lesion.id}, {lesion.side}, {lesion.matrix or 'matrix unknown'}",
        alarms=tuple(_alarms(asked, places)),
        stamps=stamps_of(asked.case, asked.anatomy),
        paths=tuple(_path(mark, place, asked) for mark, place in places.items()),
        path_note="; ".join(dict.fromkeys(_references(asked, places))),
        materials=materials,
        steps=steps,
        near=near[: _NEAREST_TERSE if terse else _NEAREST],
        near_note=_LOOKED if any(one.note for one in near) else "",
        felt=felt,
        unchecked=tuple(_unchecked(asked)),
        stops=stop,
        stops_note="our own list; your centre's rules come first",
        shopping=tuple(_shopping(asked, terse)),
        shopping_left=_lines(*steps, *(f"{m.label} {m.text}" for m in materials))
        <= _lines(*stop) + len(near) + len(felt),
        credits=asked.case.credits,
        terse=terse,
    )


def _unchecked(asked: Asked) -> Iterator[str]:
    """Kinds of structure that nobody saw; temperatures where heat or cold was not simulated."""
    for kind in _AVOIDED:
        if not asked.anatomy.of_kind(kind) and kind not in asked.elsewhere:
            yield kind
    if not asked.felt and any(isinstance(act, Deliver) for act in _acts(asked.option)):
        yield "temperatures (not simulated)"


def _lines(*texts: str) -> int:
    """About how many lines texts fill in half the page's width."""
    return sum(-(-len(text) // _HALF_PAGE) for text in texts)


def marked_paths(option: Option) -> Mapping[str, Place]:
    """Circled number -> straight device, in the order in which they are placed.

    No letters: R, L, A, P, H and F are directions on every picture, and S1 is a level.
    """
    places: list[Place] = []
    for act in _acts(option):
        if isinstance(act, Place):
            along = next((n for n, other in enumerate(places) if _one_axis(act, other)), None)
            if along is None:
                places.append(act)
            elif act.stays:  # a screw over its wire: one way in, told by what stays
                places[along] = act
    return {chr(_CIRCLED + n): place for n, place in enumerate(places)}


def _one_axis(one: Place, other: Place) -> bool:
    """True for two devices of one way in, a wire and the screw over it."""
    ends = np.subtract((one.entry_mm, one.target_mm), (other.entry_mm, other.target_mm))
    return bool(np.linalg.norm(ends, axis=1).max() < _SAME_MM)


def _mark_of(act: Place, places: Mapping[str, Place]) -> str:
    """The number of the way that a device takes."""
    return next((mark for mark, place in places.items() if _one_axis(act, place)), "?")


def _acts(option: Option) -> Iterator[Act]:
    return (step.act for step in option.plan.steps)


_NO_MIDLINE = "not seen on this scan"


def _side(asked: Asked, places: Mapping[str, Place]) -> str:
    """Sides that are gone in on, left first."""
    sides = {_named_side(place) or _entry_side(asked, place) for place in places.values()} - {""}
    return " + ".join(sorted(sides)).upper() or asked.anatomy.lesion.side.upper()


def _named_side(place: Place) -> str:
    """The side that the way in is named after; empty where it has none."""
    last = place.through.rpartition("_")[2]
    return last if last in ("left", "right") else ""


def _entry_side(asked: Asked, place: Place) -> str:
    middle = asked.midline(place.entry_mm)
    return "" if middle is None else middle.side


def _alarms(asked: Asked, places: Mapping[str, Place]) -> Iterator[str]:
    """What must be read before anything else."""
    option, procedure = asked.option, asked.case.procedure
    if option.status != "ranked":
        reasons = "; ".join(reason.text for reason in option.reasons)
        yield f"NOT TO BE CARRIED OUT: {option.told}" + (f": {reasons}" if reasons else "")
    for mark, place in places.items():
        named, entered = _named_side(place), _entry_side(asked, place)
        if named and entered not in (named, "midline", ""):
            yield f"{mark} goes {way_words(place.through)} from the {entered}"
    treated, scanned = procedure.get("position"), procedure.get("scan_position")
    if treated is None or treated != scanned:
        how = f"scanned {name_of(scanned or 'in a position not stated')}, treated {name_of(treated or '?')}"
        yield f"Organs move: confirm on the procedural CT ({how})"
    yield from asked.anatomy.alerts
    yield from asked.anatomy.coarse


def _path(mark: str, place: Place, asked: Asked) -> PathView:
    """Entry, angles and depths of one device."""
    middle = asked.midline(place.entry_mm)
    off, of = _NO_MIDLINE, ""
    if middle is not None and middle.side == "midline":
        off = "on the midline"
    elif middle is not None:
        off, of = f"{abs(middle.offset_mm):.0f} mm {middle.side.upper()}", " of the midline"
    seen = angles(place.entry_mm, place.target_mm)
    bone = skin_to_bone_mm(asked.anatomy, place.entry_mm, place.target_mm)
    to_bone = "not met" if bone is None else f"{bone:.0f} mm"
    lean = f", tip to the {seen.tip_to}" if seen.tip_to else ""
    head = f", tip to the {seen.points_to}" if seen.points_to else ""
    length = float(np.linalg.norm(np.subtract(place.target_mm, place.entry_mm)))
    rows = (
        SheetLine("skin: side", f"{off}{of}", off),
        SheetLine("skin: table", slice_words(asked.case.ct, place.entry_mm), _z(place.entry_mm)),
        SheetLine("skin: level", _height(asked.anatomy, place.entry_mm)),
        SheetLine("in plane", f"{seen.in_plane_deg:.0f}°{lean}", f"{seen.in_plane_deg:.0f}° {seen.tip_to}"),
        SheetLine(
            "cranio-caudal",
            f"{seen.cranio_caudal_deg:.0f}°{head}",
            f"{seen.cranio_caudal_deg:.0f}° {seen.points_to}",
        ),
        SheetLine("C-arm, end on", seen.view, seen.view.partition(", detector")[0]),
        SheetLine("skin to bone", to_bone, to_bone),
        SheetLine("skin to tip", f"{length:.0f} mm", f"{length:.0f} mm"),
    )
    title = f"{_size(place, asked.devices)}{', ' if place.through else ''}{name_of(place.through)}"
    return PathView(mark, title, rows)


def _z(at_mm: Point) -> str:
    return f"z {at_mm[2]:.1f} mm".replace("-", "−")


def _references(asked: Asked, places: Mapping[str, Place]) -> Iterator[str]:
    """What the table's numbers are counted from."""
    for place in places.values():
        middle = asked.midline(place.entry_mm)
        yield f"midline: {_NO_MIDLINE if middle is None else middle.words}"
    if any("image" in slice_words(asked.case.ct, place.entry_mm) for place in places.values()):
        yield "image 1 at the feet"


def _height(anatomy: Anatomy, at_mm: Point) -> str:
    """Height of a point beside the middle of the level, or of the lesion of another bone."""
    if anatomy.is_vertebra:
        middle, what = float(anatomy.frame.origin_mm[2]), f"centre of {anatomy.level}"
    else:
        mask = np.argwhere(anatomy.lesion_mask)
        middle, what = float(anatomy.image.positions_mm(mask).mean(axis=0)[2]), "middle of the lesion"
    gap = at_mm[2] - middle
    way = "level with" if abs(gap) < 0.5 else "above" if gap > 0 else "below"
    return f"{way} the {what}" if way == "level with" else f"{abs(gap):.0f} mm {way} the {what}"


def _size(place: Place, devices: Mapping[str, Device]) -> str:
    """A device in words: kind and diameter, x length for what stays."""
    device = devices.get(place.device)
    if device is None:
        return name_of(place.device)
    if "outer_diameter_mm" not in device.values:
        return device.name
    diameter = device.values["outer_diameter_mm"].number
    if place.length_mm is None:
        told = number(diameter, "mm") in device.name
        return device.name if told else f"{device.name} ({number(diameter, 'mm')})"
    return f"{device.kind} {number(diameter)} × {place.length_mm:.0f} mm"


def _through(place: Place) -> str:
    return f" {way_words(place.through)}" if place.through else ""


def _materials(asked: Asked, places: Mapping[str, Place]) -> Iterator[SheetLine]:
    """What goes in and stays, what it is driven with, and what guards it."""
    acts = list(_acts(asked.option))
    for kind, label in (("screw", "screws"), ("wire", "wires")):
        found = [
            f"{_mark_of(act, places)} {_size(act, asked.devices)}"
            for act in acts
            if isinstance(act, Place) and _kind(act, asked) == kind
        ]
        if found:
            yield SheetLine(label, ", ".join(found))
    volumes: Counter[str] = Counter()
    for act in acts:
        if isinstance(act, Inject):
            volumes[act.agent] += act.volume_mL  # type: ignore[assignment]  # counters take any number
    for agent, volume in volumes.items():
        if _is_cement(agent, asked):
            text = f"{number(volume, 'mL')} {_agent(agent, asked)}: stop there, or at the first leak"
            yield SheetLine("cement", text)
    for act in acts:
        if isinstance(act, Deliver):
            stamps = asked.probe_stamps.get(act.device, ())
            yield SheetLine("clock", clock_words(act) + (f" [{', '.join(stamps)}]" if stamps else ""))
    probes = _points(acts, ("thermocouple", "temperature"), asked, places)
    yield SheetLine("thermocouple", "; ".join([probes, *_reads_most(asked)]))
    yield SheetLine("dissection", _dissection(acts, asked))


def _points(acts: Sequence[Act], words: Sequence[str], asked: Asked, places: Mapping[str, Place]) -> str:
    """Where something is measured, by height and side; *none planned* where nothing is."""
    found = [
        f"{name_of(act.what)}{_where(act.at_mm, asked)}"
        for act in acts
        if isinstance(act, Measure) and any(word in act.what.lower() for word in words)
    ]
    return "; ".join(found) or "none planned"


def _reads_most(asked: Asked) -> Iterator[str]:
    """Where a thermocouple would read what comes nearest to its limit."""
    for one in _nearest_first(asked)[:1]:
        when = f"{_whole(one.degC)} °C after {number(one.time_s / 60.0, 'min')}"
        yield f"{name_of(one.structure)} nears its limit most{_where(one.at_mm, asked)}: {when}"


def _felt(asked: Asked) -> Iterator[FeltView]:
    """Hottest or coldest of the structures, nearest to a limit first, with the interval of the samples."""
    told = {(e.id, e.target): e for e in asked.option.outcomes}
    for one in _nearest_first(asked):
        e = told.get(("coldest_degC" if one.colder else "hottest_degC", one.structure))
        if e is not None:
            bound = "" if one.bound_degC is None else f", limit {_whole(one.bound_degC)}"
            note = "" if e.low is None or e.high is None else f"({_whole(e.low)} to {_whole(e.high)})"
            yield FeltView(f"{name_of(one.structure)}{bound}", _whole(e.value), note)


def _nearest_first(asked: Asked) -> list[HeatPeak]:
    return sorted(asked.felt, key=lambda one: one.room_K)


def _whole(degC: float) -> str:
    return f"{degC + 0.0:.0f}".replace("-", "−")


def _dissection(acts: Sequence[Act], asked: Asked) -> str:
    """Gas or fluid that pushes organs away."""
    found = [
        f"{number(act.volume_mL, 'mL')} {name_of(act.agent)}{_where(act.at_mm, asked)}"
        for act in acts
        if isinstance(act, Inject) and act.agent in asked.spacers
    ]
    return "; ".join(found) or "none planned"


def _where(at_mm: Point | None, asked: Asked) -> str:
    if at_mm is None:
        return ""
    middle = asked.midline(at_mm)
    off = "" if middle is None else f", {abs(middle.offset_mm):.0f} mm {middle.side} of the midline"
    return f"{off}, z {at_mm[2]:.0f} mm".replace("-", "−")


def _steps(asked: Asked, places: Mapping[str, Place], terse: bool) -> Iterator[str]:
    """One sentence per act, with its reason where there is room for it."""
    for step in asked.option.plan.steps:
        explains = step.why and not terse and not isinstance(step.act, Place | Inject)
        why = f" ({_short(step.why)})" if explains else ""
        session = f"session {step.session}: " if step.session > 1 else ""
        words = _act_words(step.act, asked, places)
        brief = terse and isinstance(step.act, Place)
        yield f"{session}{_terse(step.act, asked, places) if brief else words}{why}"


def _terse(act: Act, asked: Asked, places: Mapping[str, Place]) -> str:
    """A device by its number and depth: the table has the rest."""
    assert isinstance(act, Place)
    length = float(np.linalg.norm(np.subtract(act.target_mm, act.entry_mm)))
    stays = ", it stays" if act.stays else ""
    return f"{_placing(act, asked, places)}{stays}: tip {length:.0f} mm deep"


def _short(why: str) -> str:
    """The first clause of a reason, without ids of devices."""
    return why.split(";")[0].strip()


def _act_words(act: Act, asked: Asked, places: Mapping[str, Place]) -> str:
    match act:
        case Place():
            length = float(np.linalg.norm(np.subtract(act.target_mm, act.entry_mm)))
            stays = ", it stays" if act.stays else ""
            return f"{_placing(act, asked, places)}{_through(act)}: tip {length:.0f} mm from the skin{stays}"
        case Inject():
            return f"{_mark_at(act.at_mm, places)}{number(act.volume_mL, 'mL')} {_agent(act.agent, asked)}"
        case Deliver():
            return _probes(act, asked, places)
        case Expand():
            return (
                f"{_mark_at(act.at_mm, places)}expand {name_of(act.device)} to {number(act.volume_mL, 'mL')}"
            )
        case Wait():
            return (
                f"wait{'' if act.minutes is None else f' {plain(act.minutes)} min'}: {name_of(act.for_what)}"
            )
        case Sample():
            return f"{_mark_at(act.at_mm, places)}take tissue with {_named(act.device, asked)}"
        case Remove():
            return f"take out {_removed(act.what, asked, places)}"
        case Measure():
            what = _along(act.what, places)
            return f"check on {what}" if what.startswith("CT") else f"check {name_of(what)}"
        case _:
            assert_never(act)


def _placing(act: Place, asked: Asked, places: Mapping[str, Place]) -> str:
    """``place ①``; of a device that shares its way with another, which one."""
    mark = _mark_of(act, places)
    shared = sum(isinstance(one, Place) and _one_axis(one, act) for one in _acts(asked.option)) > 1
    return f"{mark}: place {_size(act, asked.devices)}" if shared else f"place {mark}"


def _mark_at(at_mm: Point, places: Mapping[str, Place]) -> str:
    """``A: `` for what happens on the way of A."""
    gaps = {m: segment_distance(p.entry_mm, p.target_mm, at_mm, at_mm) for m, p in places.items()}
    if not gaps:
        return ""
    nearest = min(gaps, key=gaps.__getitem__)
    return f"through {nearest}: " if gaps[nearest] < 1.0 else ""


def _probes(act: Deliver, asked: Asked, places: Mapping[str, Place]) -> str:
    """Through which ways a probe or several go, what they bring, and how long; the clock tells the rest."""
    placed = {step.order: step.act for step in asked.option.plan.steps}
    ways = [_mark_of(one, places) for n in act.access if isinstance(one := placed.get(n), Place)]
    through = f"through {', '.join(dict.fromkeys(ways))}: " if ways else ""
    count, minutes = each_of(act), number(act.duration_s / 60.0, "min")
    return f"{through}{count}{_named(act.device, asked)}, {source_words(act.source)}: {minutes} by the clock"


def _removed(what: str, asked: Asked, places: Mapping[str, Place]) -> str:
    """``cannula_13g, right`` -> the number of that device, or its name."""
    device, _, way = (part.strip() for part in what.partition(","))
    for mark, place in places.items():
        if place.device == device and (place.through == way or _named_side(place) in ("", way)):
            return mark
        if place.through == way:
            return f"the {_named(device, asked)} of {mark}"
    return f"the {_named(device, asked)}{f', {name_of(way)}' if way else ''}"


def _along(what: str, places: Mapping[str, Place]) -> str:
    """What is looked at, with the number of its way in place of the way's id."""
    thing, comma, way = (part.strip() for part in what.partition(","))
    mark = next((mark for mark, place in places.items() if place.through == way), "")
    return f"{thing} of {mark}" if comma and mark else what


def _named(device: str, asked: Asked) -> str:
    return asked.devices[device].name if device in asked.devices else name_of(device)


def _agent(agent: str, asked: Asked) -> str:
    return _named(agent, asked)


def _kind(place: Place, asked: Asked) -> str:
    return asked.devices[place.device].kind if place.device in asked.devices else ""


def _is_cement(agent: str, asked: Asked) -> bool:
    return agent in asked.devices and asked.devices[agent].kind == "cement"


def _near(option: Option, anatomy: Anatomy) -> tuple[NearView, ...]:
    """The nearest gap to each structure over all paths, nearest first; what placement error does to it."""
    nearest: dict[str, Estimate] = {}
    for gap in option.plan.clearances:
        if gap.id not in ("clearance_mm", "wall_depth_mm"):
            continue
        name = gap.target.partition(",")[0]
        if name not in nearest or gap.value < nearest[name].value:
            nearest[name] = gap
    derived = {s.name.replace("_", " ") for s in anatomy.structures if not s.given}
    found = [_near_view(name, gap, name in derived) for name, gap in nearest.items()]
    return tuple(sorted(found, key=lambda one: one.gap_mm))


def _near_view(name: str, gap: Estimate, derived: bool) -> NearView:
    thing = "bone left around it" if gap.id == "wall_depth_mm" else name
    low, high = gap.low, gap.high
    note = "" if low is None or high is None else f"({_mm(low)} to {_mm(high)})"
    return NearView(f"{thing}{' (derived)' if derived else ''}", gap.value, f"{_mm(gap.value)} mm", note)


def _mm(value: float) -> str:
    return f"{value + 0.0:.1f}".replace("-", "−") if abs(value) < 10 else f"{value:.0f}".replace("-", "−")


def _stop_rows(asked: Asked) -> list[Stop]:
    """When to stop in a plan that holds these moments, in the order of the list."""
    held = {"always", *_moments(asked)}
    return [stop for stop in asked.stops if stop.at in held and (asked.anatomy.is_vertebra or not stop.where)]


def _moments(asked: Asked) -> Iterator[Moment]:
    """What the plan holds that one must know when to stop."""
    for act in _acts(asked.option):
        if isinstance(act, Place):
            kind = _kind(act, asked)
            yield "screw" if kind == "screw" else "wire" if kind == "wire" else "needle"
        elif isinstance(act, Inject) and _is_cement(act.agent, asked):
            yield "cement"
        elif isinstance(act, Deliver):
            yield "cold" if act.source in asked.cold else "heat"


def _stop_words(row: Stop, asked: Asked, near: Sequence[NearView]) -> str:
    volume = sum(
        act.volume_mL
        for act in _acts(asked.option)
        if isinstance(act, Inject) and _is_cement(act.agent, asked)
    )
    first = next((one for one in near if "bone left" not in one.structure), None)
    structure = "nearest structure" if first is None else first.structure.removesuffix(" (derived)")
    gap = "what the plan says" if first is None else first.gap
    bound = _bound(asked, cold=row.at == "cold")
    text = row.text.format(volume=number(volume, "mL"), structure=structure, gap=gap, limit=bound)
    return f"{text}{f' [{tag(row.status)}]' if row.status == 'unverified' else ''}"


def _bound(asked: Asked, *, cold: bool) -> str:
    """The limit of what comes nearest to its own, on the side of heat or of cold."""
    for one in _nearest_first(asked):
        bound = one.limit.low_degC if cold else one.limit.high_degC
        if bound is not None:
            return number(bound, "degC")
    return "a limit"


def _shopping(asked: Asked, terse: bool) -> Iterator[str]:
    """Everything to lay out, counted; ``terse`` without agents, which the steps tell with their volumes."""
    devices, counted = asked.devices, Counter[str]()
    placed = {_named(act.device, asked) for act in _acts(asked.option) if isinstance(act, Place)}
    for act in _acts(asked.option):
        if isinstance(act, Place):
            counted[_ware(act, devices)] += 1
            counted.update(wire for wire in _wire_of(act, devices) if wire not in placed)
        elif isinstance(act, Deliver | Expand | Sample):
            counted[_named(act.device, asked)] = max(1, counted[_named(act.device, asked)])
    yield from (f"{count} × {ware}" for ware, count in counted.items())
    if terse:
        return
    agents: dict[str, float] = {}
    for act in _acts(asked.option):
        if isinstance(act, Inject):
            agents[act.agent] = agents.get(act.agent, 0.0) + act.volume_mL
    yield from (f"{_agent(agent, asked)}, {number(volume, 'mL')}" for agent, volume in agents.items())


def _ware(place: Place, devices: Mapping[str, Device]) -> str:
    """What a device is sold as, with its length where that is known."""
    device = devices.get(place.device)
    if device is None:
        return name_of(place.device)
    length = place.length_mm
    if length is None and "length_mm" in device.values:
        length = device.values["length_mm"].number
    return device.name if length is None else f"{device.name}, {length:.0f} mm long"


def _wire_of(place: Place, devices: Mapping[str, Device]) -> list[str]:
    """The guide wire that a cannulated screw goes over."""
    device = devices.get(place.device)
    if device is None or "wire_device" not in device.values:
        return []
    wire = str(device.values["wire_device"].value)
    return [devices[wire].name if wire in devices else name_of(wire)]
