"""Plans of older schemas, brought up to today's one step at a time.

Each step turns a document of one schema into one of the next, and has a stored example as its test
(``tests/golden/plans``).  What an older version did not write is not made up: it stays empty or null.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from math import dist
from typing import Any

from osteoplan.errors import BadInput
from osteoplan.model.plan import SHORT

__all__ = ["SCHEMA", "migrated"]

Json = dict[str, Any]
NAME, NEWEST = "osteoplan.plan", 2
SCHEMA = f"{NAME}/{NEWEST}"


def migrated(document: Any, where: str) -> Any:
    """The document as today's schema has it; anything that is no plan is left as it is.

    Raises:
        BadInput: its schema is newer than this version's.
    """
    schema = document.get("schema") if isinstance(document, dict) else None
    found = re.fullmatch(rf"{re.escape(NAME)}/(\d+)", schema) if isinstance(schema, str) else None
    if found is None:
        return document
    if int(found[1]) > NEWEST:
        raise BadInput(
            f"{where}: made by a newer version ({schema}, this one reads {SCHEMA}): update osteoplan"
        )
    for step in _STEPS[int(found[1]) - 1 :]:
        document = step(document)
    return document


def _to_2(old: Json) -> Json:
    """Whole options, the words of the day, a stiffness called one; the first plans had no standings."""
    first: Json = {
        "standings": [], "presumed": [], "would_change": [], "line_of_therapy": [], "survival": None,
        "knowledge": None, "checklist": [], "rigidity": [], "choice": None,
        "preference": None, "value": None, "outcome_table": None, "published": {},
    }  # fmt: skip
    score = {"kind": "sum", "item_sources": {}, "conflicts": [], "shown_only": False}
    verdict: Json = {"techniques": [], "first": "", "remains": [], "supposed": None, "tag": "", "origin": ""}
    option = {"approach": "", "uses": [], "remarks": []}
    gone = ("conflicts", "standings", "line_of_therapy")  # counted ranks are no tiers
    vertebra = old["bone"].startswith("vertebra_")

    def spoken(one: Json) -> Json:
        return {**one, "effect": "caution" if one["effect"] == "warn" else one["effect"]}

    def told(one: Json) -> Json:
        return {**one, "id": _called(one["id"], vertebra)}

    def paired(one: Json) -> Json:
        return {**one, "outcome": told(one["outcome"])}

    compared = {"between": [], "groups": [[id] for id in old["comparison"]["ranking"]], **old["comparison"]}
    return {
        **first, **{key: value for key, value in old.items() if key not in gone},
        "schema": f"{NAME}/2", "wordings": None,
        "scores": [{**score, **one} for one in old["scores"]],
        "verdicts": [
            {**verdict, **{key: value for key, value in spoken(one).items() if key != "line"}}
            for one in old["verdicts"]
        ],
        "would_change": [spoken(one) for one in old.get("would_change", ())],
        **{name: [told(one) for one in old[name]] for name in ("intact", "now")},
        "options": [
            {**option, "short_title": _short(one["title"]), **one,
             "steps": _probes_placed(one["steps"]),
             **{name: [told(e) for e in one[name]] for name in ("clearances", "outcomes")}}
            for one in old["options"]
        ],
        "comparison": {
            **compared, "ranked_by": _called(compared["ranked_by"], vertebra),
            **{name: [paired(one) for one in compared[name]] for name in ("differences", "between")},
        },
        "sensitivity": [
            {**one, "outcome": _called(one["outcome"], vertebra)} for one in old.get("sensitivity", ())
        ],
        "questions": [{"changes": [], **one} for one in old["questions"]],
    }  # fmt: skip


def _probes_placed(steps: list[Json]) -> list[Json]:
    """Heat or cold that was one power at one point: one segment, by the way whose tip is nearest to it."""
    ways = [one for one in steps if one["act"] == "place"]

    def placed(one: Json) -> Json:
        if one["act"] != "deliver" or "segments" in one:
            return one
        near = min(ways, key=lambda way: dist(way["target_mm"], one["at_mm"]), default=one)
        kept = {key: value for key, value in one.items() if key not in ("at_mm", "duration_s", "power_W")}
        segment = {"duration_s": one["duration_s"], "power_W": one["power_W"], "set_degC": None, "duty": 1.0}
        return {**kept, "segments": [segment], "tips_mm": [one["at_mm"]], "access": [near["order"]]}

    return [placed(one) for one in steps]


def _called(outcome: str, vertebra: bool) -> str:
    """Today's id of an outcome: what a vertebra's strength was called was 0.0068 K H, a stiffness."""
    stiff = {
        "strength_N": "height_load_N", "strength_ratio_to_intact": "stiffness_ratio_to_intact",
        "strength_ratio_to_now": "stiffness_ratio_to_now", "pistoia_load_N": "strength_N",
    }  # fmt: skip
    return stiff.get(outcome, outcome) if vertebra else outcome


def _short(title: str) -> str:
    """A title that fits a row: whole words, and a sign where some were left out."""
    return title if len(title) <= SHORT else title[: SHORT - 1].rsplit(" ", 1)[0] + " …"


_STEPS: tuple[Callable[[Json], Json], ...] = (_to_2,)
