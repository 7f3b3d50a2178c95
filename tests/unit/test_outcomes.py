"""Outcomes are data: what rooms compute and studies publish is listed, in its unit, with a direction."""

from __future__ import annotations

import ast
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

import osteoplan
from osteoplan.errors import BadInput, UnknownName
from osteoplan.knowledge.evidence import evidence
from osteoplan.knowledge.lint.checks import unit_known
from osteoplan.knowledge.lint.techniques import technique_findings
from osteoplan.knowledge.load import data_root
from osteoplan.knowledge.loads import load_cases
from osteoplan.knowledge.outcomes import outcome, outcomes
from osteoplan.model.outcome import Estimate
from osteoplan.model.plan import Option
from tests.report_fixture import plan_result

SOURCE = Path(osteoplan.__file__).parent
ROOMS = ("mechanics", "cement", "thermal", "techniques")


def told() -> Iterator[tuple[str, str]]:
    """(room, pattern of an outcome id) of everything in the source that makes an estimate of its own."""
    for room in ROOMS:
        for path in sorted((SOURCE / room).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                yield from ((room, pattern) for pattern in _ids(node))


def _ids(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Call(func=ast.Name(id="Estimate" | "told"), args=[first, *_]):
            yield from _pattern(first)
        case ast.Call(func=ast.Attribute(attr="from_draws" | "of_geometry" | "_of"), args=[first, *_]):
            yield from _pattern(first)
        case ast.Assign(targets=[ast.Name(id="id")], value=ast.IfExp() as either):
            yield from _pattern(either)
        case ast.Tuple(elts=[ast.Constant(value=str() as id), _, ast.Constant(value=str() as unit)]):
            if unit_known(unit):  # cement: (id, target, unit) -> value
                yield re.escape(id)
        case ast.Tuple(elts=[ast.Constant(value=str() as id), _, _, _]):
            if id.endswith(("_mm", "_deg")):  # needles: (id, target, value, ...)
                yield re.escape(id)


def _pattern(node: ast.expr) -> Iterator[str]:
    match node:
        case ast.Constant(value=str() as text):
            yield re.escape(text)
        case ast.IfExp(body=one, orelse=other):
            yield from _pattern(one)
            yield from _pattern(other)
        case ast.JoinedStr(values=parts):
            yield "".join(
                re.escape(p.value) if isinstance(p, ast.Constant) else "[a-zA-Z0-9]+" for p in parts
            )


def of_load_cases() -> set[tuple[str, str]]:
    """(id, unit) of what the load cases tell, with the shares that rank."""
    found = set()
    for case in load_cases().values():
        per = "N/mm" if case.load_unit == "N" else "N mm/deg"
        found |= {(case.stiffness, per), (case.ratio, "%"), (case.ratio.replace("_intact", "_now"), "%")}
        found |= {(c.id, "N" if c.told_as == "companion" else case.load_unit) for c in case.criteria}
    return found


def test_every_outcome_that_a_room_makes_is_listed_as_that_rooms() -> None:
    seen = list(told())
    assert len(seen) > 12
    unlisted = [
        (room, pattern)
        for room, pattern in seen
        if not any(re.fullmatch(pattern, id) and room in one.by for id, one in outcomes().items())
    ]
    assert unlisted == []


def test_every_outcome_of_a_load_case_is_listed_in_its_unit() -> None:
    wrong = [(id, unit) for id, unit in of_load_cases() if unit not in outcome(id).units]
    assert wrong == []


def test_nothing_is_listed_that_nobody_computes() -> None:
    patterns = {room: [p for r, p in told() if r == room] for room in ROOMS}
    patterns["mechanics"] += [re.escape(id) for id, _ in of_load_cases()]
    patterns["card"] = ["anaesthesia_level"]  # decide.outcomes makes it of a technique's card
    published = {row.id for file in evidence().values() for row in file.outcomes}
    idle = [
        (id, who)
        for id, one in outcomes().items()
        for who in one.by
        if not (id in published if who == "published" else any(re.fullmatch(p, id) for p in patterns[who]))
    ]
    assert idle == []


def test_every_published_outcome_is_listed_in_its_unit() -> None:
    rows = [row for file in evidence().values() for row in file.outcomes]
    assert [
        r.id for r in rows if r.unit not in outcome(r.id).units or "published" not in outcome(r.id).by
    ] == []


def test_units_are_known() -> None:
    assert [u for one in outcomes().values() for u in one.units if not unit_known(u)] == []


def test_only_what_is_published_stands_in_a_cell_of_the_first_page() -> None:
    told = [one for one in outcomes().values() if one.cell]
    assert {one.cell for one in told} == {"evidence", "risk", "burden"}
    assert [one.id for one in told if not {"published", "card"} & set(one.by)] == []  # card: our default
    harm = [one.id.removesuffix("_probability") for one in told if one.cell == "risk"]
    assert harm[:4] == ["death", "nerve_injury", "major_complication", "leak_probability_canal"]


def test_the_outcomes_of_a_plan_are_listed_in_their_units() -> None:
    made = plan_result()
    options: tuple[Option, ...] = made.simulations.options
    estimates: list[Estimate] = [*made.simulations.now, *made.simulations.intact]
    estimates += [e for o in options for e in (*o.outcomes, *o.plan.clearances)]
    assert [(e.id, e.unit) for e in estimates if e.unit not in outcome(e.id).units] == []


def test_an_unknown_outcome_names_its_neighbour() -> None:
    with pytest.raises(UnknownName, match="did you mean 'strength_N'"):
        outcome("strengh_N")


def test_an_outcome_in_two_files_is_refused(tmp_path: Path) -> None:
    row = {"cost": {"title": "cost", "unit": "1", "better": "less", "by": ["published"]}}
    (tmp_path / "outcomes").mkdir()
    for name in ("one", "two"):
        (tmp_path / "outcomes" / f"{name}.yaml").write_text(yaml.safe_dump(row), encoding="utf-8")
    with pytest.raises(BadInput, match="'cost' stands in another file too"):
        outcomes(tmp_path)


@pytest.mark.parametrize(
    ("id", "unit", "fault"),
    [
        ("pain_gone_probability", "%", "pain_gone_probability: no such outcome in knowledge/data/outcomes"),
        ("stay_days", "min", "stay_days: in 'min', but its unit is d"),
        ("cement_volume_mL", "mL", "cement_volume_mL: the outcome does not say that it is published"),
    ],
)
def test_lint_tells_a_published_outcome_that_the_data_do_not_know(
    id: str, unit: str, fault: str, tmp_path: Path
) -> None:
    shutil.copytree(str(data_root()), tmp_path / "data")
    file = tmp_path / "data" / "evidence" / "vertebroplasty.yaml"
    text = file.read_text(encoding="utf-8")
    text = text.replace("id: leak_probability_canal", f"id: {id}", 1).replace(
        "unit: '%'", f"unit: '{unit}'", 1
    )
    file.write_text(text, encoding="utf-8")
    assert any(fault in told for told in technique_findings(tmp_path / "data", set()))
