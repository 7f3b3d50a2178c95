"""The example of docs/value.md is run: twelve lines of YAML, and what they print."""

from __future__ import annotations

import re
from pathlib import Path

from osteoplan.cli import main

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "value.md").read_text(encoding="utf-8")


def test_the_example_has_twelve_lines_and_prints_what_the_page_says(tmp_path, capsys):
    found = re.search(r"<!-- example -->\n```yaml\n(.*?)```\n\n```\n(.*?)```\n<!-- end -->", PAGE, re.DOTALL)
    assert found is not None
    assert len(found[1].splitlines()) == 12
    model = tmp_path / "model.yaml"
    model.write_text(found[1], encoding="utf-8")
    assert main(["value", str(model)]) == 0
    printed = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert printed[:-1] == found[2].splitlines()


def test_the_page_answers_in_at_most_800_words():
    assert len(re.sub(r"```.*?```", "", PAGE, flags=re.DOTALL).split()) <= 800
