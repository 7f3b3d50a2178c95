"""A protocol of heat or cold as people read it: what drives each segment, and a clock that adds up."""

from __future__ import annotations

from osteoplan.model.plan import Deliver, Segment
from osteoplan.report.words import name_of, number

__all__ = ["clock_words", "each_of", "energy_words", "source_words"]

_SOURCES = {"rf_monopolar": "monopolar radiofrequency", "rf_bipolar": "bipolar radiofrequency"}
COLD = "cold"


def source_words(source: str) -> str:
    """What a source is called."""
    return _SOURCES.get(source, name_of(source))


def energy_words(act: Deliver) -> str:
    """What drives the probes, segment by segment: *20 W for 10 min*; of cold the freezes and thaws."""
    cold = act.source == COLD
    return each_of(act) + ", then ".join(
        f"{_driven(one, cold)} for {_plain(one.duration_s / 60.0)} min" for one in act.segments
    )


def clock_words(act: Deliver) -> str:
    """When each segment begins and ends: *freeze 0–10, thaw 10–18, freeze 18–28 min; wall at −75 °C*."""
    cold, start = act.source == COLD, 0.0
    names = ("freeze", "thaw") if cold else ("on", "off")
    drives = {_driven(one, cold): None for one in act.segments if not one.passive}
    words = []
    for one in act.segments:
        end = start + one.duration_s / 60.0
        own = f" ({_driven(one, cold)})" if len(drives) > 1 and not one.passive else ""
        words.append(f"{names[one.passive]} {_plain(start)}–{_plain(end)}{own}")
        start = end
    return f"{', '.join(words)} min" + "".join(f"; {one}" for one in drives if len(drives) == 1)


def each_of(act: Deliver) -> str:
    """How many probes run together; empty for one."""
    return f"{len(act.tips_mm)} probes, each " if len(act.tips_mm) > 1 else ""


def _driven(one: Segment, cold: bool) -> str:
    """Power or held temperature, and the share of the time that it is on."""
    if one.passive:
        return "thaw" if cold else "off"
    duty = "" if one.duty == 1.0 else f", on {number(100.0 * one.duty, '%')} of the time"
    power = "" if one.power_W is None else number(one.power_W, "W")
    of = "wall at" if cold else "hottest tissue at"
    held = "" if one.set_degC is None else f"{of} {number(one.set_degC, 'degC')}"
    return " at most, ".join(filter(None, (power, held))) + duty


def _plain(minutes: float) -> str:
    """Minutes to a tenth, whole ones without it."""
    return f"{minutes:.1f}".removesuffix(".0")
