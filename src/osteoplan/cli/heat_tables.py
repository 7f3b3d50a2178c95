"""Ablations as tables that fit a terminal of 100 columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from osteoplan.cli.console import plain_table

__all__ = ["ablation_table", "felt_table", "model_table"]

Json = Mapping[str, Any]
MOST = 4  # structures that the table of one ablation names


def ablation_table(options: Sequence[Json]) -> Table:
    """One row for each ablation: its protocol, the lesion by each criterion, the structure worst off."""
    table = plain_table(
        "ablation", "protocol", "lesion killed", "feels most", fold=("ablation", "feels most")
    )
    for one in options:
        table.add_row(
            Text(one["title"]), "\n".join(_protocol(delivery) for delivery in one["deliveries"]),
            "\n".join(_killed(one["outcomes"])), Text("\n".join(_worst(one["outcomes"])[:1])),
        )  # fmt: skip
    return table


def felt_table(one: Json) -> Table:
    """What every structure of an ablation feels."""
    table = plain_table("structure", "hottest", "coldest", "dose, min", "beyond its limit")
    for name in dict.fromkeys(row["for"] for row in one["outcomes"] if row["id"] in _FELT):
        own = {row["id"]: row for row in one["outcomes"] if row["for"] == name}
        share = own.get("beyond_limit_probability")
        table.add_row(
            name.replace("_", " "), _range(own.get("hottest_degC")), _range(own.get("coldest_degC")),
            _range(own.get("thermal_dose_min")),
            "not told" if share is None else _share(share),
        )  # fmt: skip
    return table


def model_table(document: Json) -> Table:
    """Watched points of a block, at the end and at their farthest."""
    table = plain_table("point", "at the end", "hottest", "coldest")
    for name, degC in document["watched_degC"].items():
        table.add_row(name, f"{degC[-1]:.1f} degC", f"{max(degC):.1f}", f"{min(degC):.1f}")
    for title, mL in document["dead_mL"].items():
        table.add_row(f"dead by {title}", f"{mL:.2f} mL", "", "")
    return table


_FELT = ("hottest_degC", "coldest_degC")


def _protocol(delivery: Json) -> str:
    parts = []
    for one in delivery["segments"]:
        what = "pause"
        if one["set_degC"] is not None:
            what = f"{one['set_degC']:.0f} degC"
        elif one["power_W"] is not None:
            what = f"{one['power_W']:g} W"
        parts.append(f"{one['minutes']:.1f} min {what}")
    count = len(delivery["tips_mm"])
    return f"{count} x " * (count > 1) + ", ".join(parts)


def _killed(outcomes: Sequence[Json]) -> list[str]:
    return [
        f"{min(row['value'], 99.0):.0f} % {row['for']}"
        for row in outcomes
        if row["id"] == "ablation_coverage_pct"
    ]


def _worst(outcomes: Sequence[Json]) -> list[str]:
    """Structures that were told, the first of them the worst, canal and roots before the rest."""
    return [
        f"{row['for'].replace('_', ' ')} {row['value']:.0f} degC" for row in outcomes if row["id"] in _FELT
    ][:MOST]


def _share(row: Json) -> str:
    low, high = row["low"], row["high"]
    if low <= 0.0:
        return f"below {high:.0f} %"
    return f"above {low:.0f} %" if high >= 100.0 else f"{low:.0f}-{high:.0f} %"


def _range(row: Json | None) -> str:
    if row is None:
        return ""
    if row["low"] is None:
        return f"{row['value']:.3g}"
    return f"{row['value']:.3g} ({row['low']:.3g}-{row['high']:.3g})"
