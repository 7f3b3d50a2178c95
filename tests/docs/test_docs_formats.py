"""Documentation grows with the code: a command, key or verification case that is not described fails here."""

import inspect
import json
import re
from dataclasses import fields
from pathlib import Path

import pytest
from docstring_parser import parse

from osteoplan.cli.app import app
from osteoplan.cli.root import PlanOptions
from osteoplan.io.case_file import CaseFile, ImagesFile, LesionFile, PriorTreatmentFile
from osteoplan.io.plan_json import PlanDocument, json_schema, made_schema
from osteoplan.verification.cases import ids

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def functions(commands, path=""):
    """Every command with its function, those of a group under ``group command``."""
    for name in commands:
        if name.startswith("-"):
            continue
        command = commands[name]
        if command.default_command is None:
            yield from functions(command, f"{path}{name} ")
        else:
            yield f"{path}{name}", command.default_command


COMMANDS = dict(functions(app))


def test_the_readme_holds_both_set_up_commands_and_the_picture():
    assert "python3 -m venv .venv && .venv/bin/pip install -e . && .venv/bin/osteoplan demo" in README
    tests = "python3 -m venv .venv && .venv/bin/pip install -e '.[dev]' && .venv/bin/python -m pytest -q -n 2"
    assert tests in README
    picture = re.search(r"!\[[^\]]+\]\(([^)]+)\)", README)
    assert picture
    assert (ROOT / picture[1]).stat().st_size < 1_000_000


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_stands_in_the_readme(command):
    assert f"`osteoplan {command}`" in README


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_of_a_command_is_explained(command):
    function = COMMANDS[command]
    options, explained = set(inspect.signature(function).parameters), described(function)
    if "options" in options:  # those that commands share
        options |= {field.name for field in fields(PlanOptions)} - {"options"}
        explained |= described(PlanOptions) | {"options"}
    shared = {"json", "force"}  # explained where their types are made
    assert options <= explained | shared


def described(of):
    return {parameter.arg_name for parameter in parse(of.__doc__).params if parameter.description}


@pytest.mark.parametrize("kind", [CaseFile, ImagesFile, LesionFile, PriorTreatmentFile])
def test_every_key_of_a_case_is_described(kind):
    text = (ROOT / "docs" / "case.md").read_text(encoding="utf-8")
    for key in kind.model_fields:
        assert re.search(rf"(\b{key}:|`{key}`)", text), key


def test_every_key_of_a_plan_is_described():
    text = (ROOT / "docs" / "plan.md").read_text(encoding="utf-8")
    for name, field in PlanDocument.model_fields.items():
        assert f"`{field.alias or name}`" in text


def test_the_published_schema_is_the_one_in_the_code():
    assert json.loads(json.dumps(made_schema())) == json_schema()


def test_every_verification_case_is_described():
    text = (ROOT / "docs" / "verification.md").read_text(encoding="utf-8")
    for id in ids():
        assert f"| {id} |" in text


def test_every_page_is_reachable_from_the_readme():
    for page in (ROOT / "docs").glob("*.md"):
        assert f"docs/{page.name}" in README, page.name
