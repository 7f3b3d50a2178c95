"""Ways as tables that fit a terminal of 100 columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

__all__ = ["cover_table", "rejection_lines", "way_table"]

Json = dict[str, Any]
_MOST = 3  # limits that a line of rejections names


def way_table(ways: Sequence[Json]) -> Table:
    """One row for each way: whether it fits, how long and wide it is, what is nearest, how it forgives."""
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 1, 0, 0))
    table.add_column("way", min_width=20, overflow="fold")
    table.add_column("", no_wrap=True)
    table.add_column("mm", justify="right")
    table.add_column("wide", justify="right")
    table.add_column("nearest, or why none fits", overflow="fold")
    table.add_column("breach", justify="right")
    for way in ways:
        fits = way["status"] == "fits"
        measures = way["measures"]
        width = measures.get("free_diameter_mm") if way["kind"] == "needle" else measures.get("width_mm")
        table.add_row(
            Text(way["name"]),
            way["status"].replace("_", " "),
            _number(measures.get("length_mm"), 0),
            _number(width, 1),
            Text(_nearest(way) if fits else "; ".join(way["reasons"])),
            _breach(way) if fits else "",
        )
    return table


def cover_table(cover: Json) -> Table:
    """Probes, what they are set to, and what their zones cover as geometry."""
    shares = f"{cover['lesion_pct']:.0f} % of the lesion, {cover['coverage_pct']:.0f} % with its margin"
    title = f"{len(cover['probes'])} probes cover {shares} ({cover['words']}; choice: {cover['status']})"
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for head in ("along", "zone", "W", "min", "width x length, mm"):
        table.add_column(head, justify="left" if head in ("along", "zone") else "right")
    for probe in cover["probes"]:
        width, length = (2.0 * probe[f"zone_half_{side}_mm"] for side in ("width", "length"))
        table.add_row(
            Text(probe["way"].replace("_", " ")), Text(probe["zone"]), _number(probe["power_W"], 0),
            _number(probe["time_min"], 1), f"{width:.0f} x {length:.0f}",
        )  # fmt: skip
    return table


def rejection_lines(rejected: Mapping[str, Mapping[str, int]]) -> list[str]:
    """One line for each search: how many paths were tried, and what most of them fell to."""
    lines = []
    for approach, counts in rejected.items():
        reasons = sorted(((n, name) for name, n in counts.items() if name != "tried"), reverse=True)[:_MOST]
        told = ", ".join(f"{name.replace('_', ' ')} {n}" for n, name in reasons)
        lines.append(
            f"{approach.replace('_', ' ')}: {counts['tried']} paths tried; rejected by {told or 'none'}"
        )
    return lines


def _nearest(way: Json) -> str:
    near = [_gap(gap) for gap in way["clearances"][:1]]
    said = [*near, *way["reasons"][:1]]
    if way["kind"] == "corridor" and way["fits"]:
        said.insert(0, f"takes {way['fits'][0].replace('_', ' ')}")
    if way["unchecked"]:
        said.append(f"UNCHECKED against {', '.join(way['unchecked'])}")
    return "; ".join(said)


def _gap(gap: Json) -> str:
    """A gap in words; of the wall it is the bone beside the device."""
    if gap["kind"] == "wall":
        return f"{gap['gap_mm']:.1f} mm of bone beside it"
    return (
        f"{gap['structure'].replace('_', ' ')}{' (derived)' if gap['derived'] else ''} {gap['gap_mm']:.1f} mm"
    )


def _breach(way: Json) -> str:
    budget = way["budget"]
    return "" if budget is None else f"{100.0 * budget['breach_probability']['any']:.0f} %"


def _number(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"
