"""A number of the data is read through one door, which never turns a missing one into zero."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from osteoplan.errors import BadInput, UnknownName
from osteoplan.knowledge.load import raw
from osteoplan.knowledge.values import FOLDERS, known, number, values
from osteoplan.model.evidence import Known

SRC = Path(__file__).resolve().parents[2] / "src" / "osteoplan"
DOORS = {"number", "known", "values.number", "values.known"}
ENDS = {"value", "low", "high", "number"}


def fallbacks(code: str) -> list[int]:
    """Lines where a value of the data that is missing, or zero, becomes another number in silence."""
    return [
        node.lineno
        for node in ast.walk(ast.parse(code))
        if isinstance(node, ast.BoolOp)
        and isinstance(node.op, ast.Or)
        and any(isinstance(one, ast.Attribute) and one.attr in ENDS for one in node.values[:-1])
    ]


def test_no_missing_number_becomes_another_one_in_silence() -> None:
    found = {str(file.relative_to(SRC)): fallbacks(file.read_text("utf-8")) for file in SRC.rglob("*.py")}
    assert {file: lines for file, lines in found.items() if lines} == {}


def named(code: str) -> Iterator[str]:
    """Names of numbers in the code: whole ones, and the beginnings of those that are put together."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in DOORS and node.args:
            of = node.args[0]
            for name in (of.body, of.orelse) if isinstance(of, ast.IfExp) else (of,):
                first = name.values[0] if isinstance(name, ast.JoinedStr) else name
                if isinstance(first, ast.Constant):
                    yield str(first.value) if first is name else f"{first.value}*"


def test_every_number_that_the_code_names_is_on_file() -> None:
    codes = [file.read_text("utf-8") for file in SRC.rglob("*.py")]
    names = {name for code in codes if "osteoplan.knowledge" in code for name in named(code)}
    assert len(names) > 250
    for name in names:
        file, _, key = name.partition(".")
        assert any(fnmatchcase(there, key) for there in values(file)), name


@pytest.mark.parametrize("code", ["x = known.value or 0.0", "f(row.low or 1)", "a = one().high or other"])
def test_the_check_sees_a_fallback(code: str) -> None:
    assert fallbacks(code) == [1]


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (None, "'reach' in a file is missing: give it one in mm"),
        ("bonded", "'reach' in a file is 'bonded', not a number: give it one in mm"),
        (True, "'reach' in a file is True, not a number: give it one in mm"),
    ],
)
def test_what_is_not_a_number_says_so_and_what_to_do(value: str | bool | None, told: str) -> None:
    with pytest.raises(BadInput, match=f"^{told}$"):
        Known(value, "mm", name="'reach' in a file").number  # noqa: B018


def test_a_range_needs_both_ends() -> None:
    assert Known(2, "mm", low=1, high=3).range == (1.0, 3.0)
    for ends in ({"low": 1.0}, {"high": 3.0}, {}):
        with pytest.raises(BadInput, match="has no range: give it 'low' and 'high' in mm"):
            Known(2, "mm", **ends).range  # noqa: B018


def test_zero_is_a_number() -> None:
    assert Known(0).number == 0.0


def test_a_name_that_is_not_there_names_its_neighbour_and_its_file() -> None:
    with pytest.raises(UnknownName, match=r"materials/bone\.yaml; did you mean 'poisson_ratio'"):
        number("bone.poison_ratio")


def test_a_known_number_tells_where_it_stands() -> None:
    told = known("bone.modulus_min").name
    assert told == "'modulus_min' in knowledge/data/materials/bone.yaml"
    assert values("bone")["modulus_min"].number == number("bone.modulus_min")


def test_every_file_of_values_has_a_name_of_its_own() -> None:
    stems = [path.split("/")[-1] for path in raw() if path.split("/")[0] in FOLDERS]
    assert len(stems) == len(set(stems))
    with pytest.raises(
        UnknownName, match="unknown file of values 'bonne' in knowledge/data; did you mean 'bone'"
    ):
        number("bonne.poisson_ratio")
