"""Numbers and names as people read them.

Two significant digits unless the third is real, one number of decimals within a value and its interval, a
true minus sign, and units said once.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

from osteoplan.model.evidence import Citation, how_read
from osteoplan.model.outcome import Estimate, Study, none_or_all

__all__ = [
    "Value", "absolute", "clause", "few_words", "joined", "link_of", "name_of", "names_of", "number", "plain",
    "signed_points", "study_words", "tag", "unit_word", "value_of", "way_words",
]  # fmt: skip

_UNIT_WORDS = {
    "1": "",
    "d": "days",
    "wk": "weeks",
    "a": "years",
    "deg": "°",
    "degC": "°C",
    "mm2": "mm²",
    "mm3": "mm³",
    "mg/cm3": "mg/cm³",
    "10*9/L": "× 10⁹/L",
}
_NEVER_ALL = frozenset({"ablation_coverage_pct"})
_MOST_SAID = 99  # per cent
_ABSOLUTE_UNITS = frozenset({"N", "N/mm", "MPa", "N mm", "N mm/deg", "mJ"})


@dataclass(frozen=True)
class Value:
    """A number with its interval, as it is printed; ``tag`` is what must be said about its source."""

    text: str
    interval: str = ""
    tag: str = ""
    note: str = ""
    grey: bool = False


def value_of(estimate: Estimate, *, per_cent: bool = False) -> Value:
    """Value, interval and review tag of an outcome; ``per_cent``: a share of 1, printed in per cent."""
    factor, unit = (100.0, "%") if per_cent and estimate.unit == "1" else (1.0, unit_word(estimate.unit))
    numbers = [x * factor for x in (estimate.value, estimate.low, estimate.high) if x is not None]
    whole = all(float(x).is_integer() and abs(x) < 1000.0 for x in numbers)
    digits = 0 if whole else _decimals(max(abs(x) for x in numbers))
    text = f"{_fixed(numbers[0], digits)} {unit}".strip()
    text = "1 day" if text == "1 days" else text.replace(" °", "°").replace("°C", " °C")
    interval, study = "", estimate.study or Study()
    if estimate.low is not None and estimate.high is not None:
        to = " to " if estimate.low < 0.0 else "–"
        interval = f"({_fixed(estimate.low * factor, digits)}{to}{_fixed(estimate.high * factor, digits)})"
    text, interval = _never_all(estimate, text, interval)
    few = estimate.study and none_or_all(estimate.value, estimate.unit, study.n, study.of)
    text, interval = (few, "") if few else (text, interval)
    beside = ", ".join(filter(None, [interval, study.against and f"against {study.against}"]))
    return Value(text, beside, _read(estimate))


def _never_all(estimate: Estimate, text: str, interval: str) -> tuple[str, str]:
    """Of what is dead a model never says *all*: *over 99 %*."""
    if estimate.id not in _NEVER_ALL:
        return text, interval
    most = f"over {_MOST_SAID} %"
    if estimate.low is not None and estimate.high is not None and estimate.high > _MOST_SAID:
        interval = f"({most})" if estimate.low > _MOST_SAID else f"({number(estimate.low)} to {most})"
    return most if estimate.value > _MOST_SAID else text, interval


def study_words(study: Study | None) -> str:
    """What a published number rests on: *at 3 months; series; low certainty; same site*."""
    if study is None:
        return ""
    lost = study.followed is not None and study.n is not None
    return "; ".join(
        filter(
            None,
            [
                f"at {study.months:g} months" if study.months is not None else "",
                f"{study.followed} of {study.n} {study.of} still there" if lost else "",
                study.grade,
                study.design,
                f"{study.certainty} certainty" if study.certainty else "",
                *(() if study.population else study.distance),
                f"interval: our arithmetic{', exact 95 %' if study.events is not None else ''}"
                if study.ours
                else "",
            ],
        )
    )


def signed_points(estimate: Estimate) -> Value:
    """A difference of two per cents, in points, with its sign."""
    digits = _decimals(max(abs(x) for x in (estimate.value, estimate.low, estimate.high) if x is not None))
    interval = ""
    if estimate.low is not None and estimate.high is not None:
        interval = f"({_signed(estimate.low, digits)} to {_signed(estimate.high, digits)})"
    return Value(f"{_signed(estimate.value, digits)} points", interval, _read(estimate))


def _read(estimate: Estimate) -> str:
    """How the source of a number was read; of a simulated one, those of its inputs."""
    words = tag(estimate.status, estimate.study.tag if estimate.study else "")
    return f"inputs: {words}" if words and estimate.basis == "simulated" else words


def tag(status: str, read: str = "") -> str:
    """How its source was ``read`` (a tag), beside a fact; nothing beside what is ours and has no tag."""
    return "" if not read and status == "verified" else how_read(status, read)


def absolute(estimate: Estimate) -> bool:
    """True for a force, stiffness or stress, which an uncalibrated scan cannot give."""
    return estimate.unit in _ABSOLUTE_UNITS


def name_of(id: str) -> str:
    """What people call a structure or device; the side comes first: *left pedicle*."""
    thing, _, side = id.rpartition("_")
    if side in ("left", "right"):
        return f"{side} {thing.replace('_', ' ')}"
    return id.replace("_", " ")


def way_words(through: str) -> str:
    """What a device goes through, as a clause: *through the left pedicle*, *by the right transiliac way*."""
    thing, _, side = through.rpartition("_")
    told = {"transpedicular": "through", "pedicle": "through", "parapedicular_costovertebral": "beside"}
    return f"{told[thing]} the {side} pedicle" if thing in told else f"by the {name_of(through)} way"


def names_of(ids: Iterable[str]) -> str:
    """What people call several of them, in one line."""
    return ", ".join(map(name_of, ids))


def number(value: float, unit: str = "") -> str:
    """A measured number with its unit."""
    return f"{_fixed(value, _decimals(abs(value)))} {_UNIT_WORDS.get(unit, unit)}".strip()


def plain(value: bool | int | float | str | None, unit: str = "1") -> str:
    """A fact of any kind."""
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value} {_UNIT_WORDS.get(unit, unit)}".strip()
    if isinstance(value, float):
        return number(value, unit)
    return value


def unit_word(unit: str) -> str:
    """A unit as people write it: *years* for ``a``; empty for a bare number."""
    return _UNIT_WORDS.get(unit, unit)


def link_of(source: Citation) -> tuple[str, str]:
    """Address and words of the link to a source; both empty where there is none."""
    if source.doi:
        return f"https://doi.org/{source.doi}", f"doi:{source.doi}"
    if source.pmid:
        return f"https://pubmed.ncbi.nlm.nih.gov/{source.pmid}/", f"PMID {source.pmid}"
    return (source.url, source.url) if source.url.startswith(("https://", "http://")) else ("", "")


def clause(text: str, longest: int = 90, *, at: str = ";") -> str:
    """The first clause of a sentence, whole words only; ``at`` holds the signs that end a clause."""
    first = re.split(f"[{re.escape(at)}]", text)[0].strip().rstrip(".")
    if len(first) <= longest:
        return first
    return first[:longest].rsplit(" ", 1)[0] + " …"


def few_words(words: Iterable[str], longest: int = 110) -> str:
    """Names in one line: as many as fit, and how many more there are."""
    all_, shown = tuple(words), ""
    for n, word in enumerate(all_):
        longer = f"{shown}, {word}" if shown else word
        if n and len(longer) > longest:
            return f"{shown} and {len(all_) - n} more"
        shown = longer
    return shown


def joined(value: Value) -> str:
    """Value and interval in one breath."""
    return f"{value.text} {value.interval}".strip()


def _decimals(largest: float) -> int:
    """Decimals that leave two significant digits of the largest number, three of hundreds.

    Thousands are rounded to hundreds.
    """
    if largest == 0.0:
        return 0
    if largest >= 1000.0:
        return -2
    return max(0, min(4, 1 - math.floor(math.log10(largest))))


def _fixed(value: float, decimals: int) -> str:
    rounded = round(value, decimals) + 0.0  # + 0.0 turns -0.0 into 0.0
    return f"{rounded:,.{max(decimals, 0)}f}".replace(",", " ").replace("-", "−")


def _signed(value: float, decimals: int) -> str:
    text = _fixed(value, decimals)
    return text if text.startswith("−") or float(round(value, decimals)) == 0.0 else "+" + text
