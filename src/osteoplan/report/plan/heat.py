"""Tables of what heat or cold does: what dies by each criterion apart, and what every structure feels.

A structure that the scan does not show stands in the table as *not judged*; an unseen one keeps no limit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from osteoplan.model.device import Device
from osteoplan.model.heat import HeatPeak, HeatRecord
from osteoplan.model.outcome import Estimate
from osteoplan.model.plan import Deliver, Option
from osteoplan.model.result import PlanResult
from osteoplan.report.plan.nouns import Chart, Part, Table, TableRow, Words
from osteoplan.report.plan.rows import sources_of, told
from osteoplan.report.protocol import clock_words, source_words
from osteoplan.report.words import joined, name_of, number

__all__ = ["clock_key", "delivered", "heat_notes", "heat_parts", "heat_tables", "heat_title"]

# columns of the two tables, in their order
_DEAD = ("ablation_coverage_pct", "ablation_spared_mL", "ablation_margin_mm", "ablation_margin_p5_mm")
_FELT = ("hottest_degC", "coldest_degC", "thermal_dose_min", "beyond_limit_probability")
_NO_LIMIT = "no limit known"
_NOT_JUDGED = "not judged: not seen on this scan"


def delivered(option: Option, record: HeatRecord) -> Deliver:
    """The act that a record tells of."""
    (act,) = (s.act for s in option.plan.steps if s.order == record.step and isinstance(s.act, Deliver))
    return act


def heat_title(option: Option, record: HeatRecord, devices: Mapping[str, Device]) -> str:
    """*bipolar radiofrequency by cooled bipolar probe: on 0–10 min; 20 W*."""
    act = delivered(option, record)
    device = devices[act.device].name if act.device in devices else name_of(act.device)
    return f"{source_words(act.source)} by {device}: {clock_words(act)}"


def clock_key(option: str, title: str) -> str:
    """By which the chart of a delivery is kept."""
    return f"{option}: {title}"


def heat_tables(result: PlanResult, option: Option) -> tuple[Table, ...]:
    """What dies, and what is felt; without rows where nothing was simulated."""
    records = result.simulations.heat.get(option.id, ())
    if not records:
        return ()
    peaks = {peak.structure: peak for one in reversed(records) for peak in reversed(one.peaks)}
    unseen = dict.fromkeys(what for one in records for what in one.not_judged)
    return (
        _table(result, option, "what is dead, by each criterion alone", "criterion", _DEAD),
        _table(result, option, "what structures feel", "structure", _FELT, peaks, tuple(unseen)),
    )


def heat_parts(result: PlanResult, option: Option, charts: Mapping[str, str]) -> tuple[Part, ...]:
    """Everything of a plan's heat or cold that needs no picture of the scan."""
    parts: list[Part] = list(heat_tables(result, option))
    for record in result.simulations.heat.get(option.id, ()):
        title = heat_title(option, record, result.wordings.devices)
        if chart := charts.get(clock_key(option.id, title)):
            says = "temperature of the structures that stray most, against time, with their limits"
            parts.append(Chart(title, chart, "", says))
        parts.append(Words("", tuple(heat_notes(record))))
    return tuple(parts)


def _table(
    result: PlanResult, option: Option, title: str, head: str, ids: Sequence[str],
    peaks: Mapping[str, HeatPeak] | None = None, unseen: Sequence[str] = (),
) -> Table:  # fmt: skip
    """One row for each criterion or structure; a column for each outcome that any row has."""
    own = {id: {e.target: e for e in option.outcomes if e.id == id} for id in ids}
    ids = [id for id in ids if own[id]]
    rows = []
    for target in dict.fromkeys(target for id in ids for target in own[id]):
        peak = None if peaks is None else peaks.get(target)
        cells = (_name(target), *(_cell(result, own[id].get(target)) for id in ids))
        more = () if peaks is None else _when_and_limit(peak)
        rows.append(TableRow((*cells, *more), sources_of(result, peak.limit.cite if peak else ())))
    blank = ("",) * (len(ids) + 1)
    rows += [TableRow((what.partition(":")[0], *blank, _NOT_JUDGED)) for what in unseen]
    heads = (head, *(result.wordings.outcomes[id].title.replace("degC", "°C") for id in ids))
    heads += () if peaks is None else ("most after", "to stay between")
    return Table(title, heads, (22.0, *(78.0 / (len(heads) - 1) for _ in heads[1:])), tuple(rows))


def _cell(result: PlanResult, estimate: Estimate | None) -> str:
    return "" if estimate is None else joined(told(result, estimate))


def _name(target: str) -> str:
    """A criterion, or what people call a structure."""
    return target.replace("degC", "°C") if " " in target else name_of(target)


def _when_and_limit(peak: HeatPeak | None) -> tuple[str, str]:
    """*5.0 min* and *10 °C and 45 °C*."""
    if peak is None:
        return "", _NO_LIMIT
    ends = [one for one in (peak.limit.low_degC, peak.limit.high_degC) if one is not None]
    return number(peak.time_s / 60.0, "min"), " and ".join(number(one, "degC") for one in ends) or _NO_LIMIT


def heat_notes(record: HeatRecord) -> Iterator[str]:
    """What must be read with a delivery: its stamps, what happened on the way, how the energy adds up."""
    if record.stamps:
        yield f"{', '.join(record.stamps)}: no table of this probe's zone in bone was read"
    yield from record.notes
    yield (
        f"{number(record.seconds / 60.0, 'min')} simulated; {number(abs(record.power_W), 'W')} "
        f"{'taken up' if record.power_W >= 0 else 'taken away'} on average; energy not accounted for: "
        f"{number(100.0 * record.audit, '%')}"
    )
