"""A docstring or a page that names a test names one that exists."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TESTS = {path.relative_to(ROOT).as_posix() for path in (ROOT / "tests").rglob("*.py")}
NAMES = {path.rsplit("/", 1)[1] for path in TESTS}
NAMED = re.compile(r"\b(?:tests/)?(?:[a-z_]+/)*test_[a-z0-9_]+\.py\b")


def written() -> list[Path]:
    """Sources, knowledge and pages."""
    trees = [path for tree in ("src", "docs", "benchmarks") for path in (ROOT / tree).rglob("*")]
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
    return [path for path in trees + pages if path.suffix in (".py", ".md", ".yaml")]


def test_every_test_that_is_pointed_to_is_there() -> None:
    """The first of a list is named with its folder, others may be bare: `tests/unit/test_a.py, test_b.py`."""
    gone = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in written()
        for name in NAMED.findall(path.read_text(encoding="utf-8"))
        if name not in (NAMES if "/" not in name else TESTS)
    ]
    assert gone == []
