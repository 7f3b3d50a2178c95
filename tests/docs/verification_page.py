"""The table of docs/verification.md, written from a run.

    python -m tests.docs.verification_page docs/verification.md

Only what stands between the two marks is replaced; the words around it are ours.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from osteoplan.verification.cases import VerificationCase
from osteoplan.workflow.verify import verify

__all__ = ["verification_rows", "with_table"]

START, END = "<!-- from a run: start -->", "<!-- from a run: end -->"


def verification_rows(cases: Sequence[VerificationCase]) -> str:
    """The cases as a Markdown table."""
    lines = ["| id | case | expected | got | tolerance | source |", "|---|---|---|---|---|---|"]
    for case in cases:
        unit = "" if case.unit == "1" else f" {case.unit}"
        got = case.reason if case.got is None else f"{case.got:.6g}"
        if case.ok is False:
            got += " **fails**"
        title = case.title + (f" ({case.note})" if case.note else "")
        expected, tolerance = (
            f"{case.expected:.6g}{unit}",
            "-" if case.tolerance is None else f"{case.tolerance:g}",
        )
        lines.append(f"| {' | '.join((case.id, title, expected, got, tolerance, case.source))} |")
    return "\n".join(lines)


def with_table(page: str, table: str) -> str:
    """The page with the table between its marks."""
    before, rest = page.split(START)
    after = rest.split(END)[1]
    return f"{before}{START}\n{table}\n{END}{after}"


if __name__ == "__main__":
    path = Path(sys.argv[1])
    table = verification_rows(verify().cases)
    path.write_text(with_table(path.read_text(encoding="utf-8"), table), encoding="utf-8")
