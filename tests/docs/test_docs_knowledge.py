"""The pages on facts and knowledge cannot lag behind the data."""

from pathlib import Path

import pytest

from osteoplan.errors import UnknownName
from osteoplan.knowledge.devices import devices
from osteoplan.knowledge.load import data_root
from osteoplan.knowledge.rules import rules
from osteoplan.knowledge.scores import score_tables
from osteoplan.knowledge.vocabulary import uses, vocabulary
from tests.docs.knowledge_tables import TABLES, refreshed

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES = ("facts.md", "heat.md", "knowledge.md", "loads.md", "outcomes.md")


@pytest.mark.parametrize("page", PAGES)
def test_the_tables_of_a_page_are_those_of_the_data(page: str) -> None:
    text = (DOCS / page).read_text(encoding="utf-8")
    assert refreshed(text) == text, f"run: python -m tests.docs.knowledge_tables docs/{page}"


def test_every_table_stands_on_some_page() -> None:
    text = "".join((DOCS / page).read_text(encoding="utf-8") for page in PAGES)
    assert [name for name in TABLES if f"<!-- table: {name} -->" not in text] == []


def test_every_fact_and_item_is_documented() -> None:
    text = (DOCS / "facts.md").read_text(encoding="utf-8")
    assert [name for name in vocabulary() if f"| `{name}` |" not in text] == []
    for table in score_tables().values():
        assert [item for item in table.items if f"| `{table.id}` | `{item}` |" not in text] == []


def test_every_score_rule_use_and_device_is_documented() -> None:
    text = (DOCS / "knowledge.md").read_text(encoding="utf-8")
    assert [id for id in score_tables() if f"| `{id}` |" not in text] == []
    assert [rule.id for rule in rules() if f"| {rule.id} |" not in text] == []
    assert [name for name in (*uses(), *devices()) if f"| `{name}` |" not in text] == []


def test_every_folder_of_the_data_is_told() -> None:
    text = (DOCS / "knowledge.md").read_text(encoding="utf-8")
    folders = [entry.name for entry in data_root().iterdir() if entry.is_dir()]
    assert [name for name in folders if f"`{name}/`" not in text] == []


def test_a_page_that_asks_for_an_unknown_table_is_refused() -> None:
    with pytest.raises(UnknownName, match="did you mean 'rules'"):
        refreshed("<!-- table: rule -->\n<!-- end -->")
