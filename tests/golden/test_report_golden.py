"""The first page in words, as it was last agreed on.

To agree on another one: look at it, then ``python -m tests.golden.test_report_golden``.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from osteoplan.report.plan.meeting import first_page
from osteoplan.report.plan.nouns import FirstPage, Linked
from tests.report_fixture import plan_result, uncalibrated, with_choice

AGREED = Path(__file__).with_name("report_first_page.txt")


def test_the_first_page_says_what_was_agreed() -> None:
    assert _first_page() == AGREED.read_text(encoding="utf-8")


def _first_page() -> str:
    """The fixture's first page without its pictures, a line for a line."""
    first = first_page(with_choice(uncalibrated(plan_result())))
    return "\n".join([*_head(first), *_options(first)]) + "\n"


def _head(first: FirstPage) -> list[str]:
    h = first.header
    lines = [f"{h.program} | {h.case} | {h.place} | {h.level_note} | {h.scan} | {h.origin}"]
    lines += [f"question {first.question}", f"goal {first.goal}", *(f"! {flag.text}" for flag in first.flags)]
    return [*lines, *(f"  {line.label}: {line.text} {line.tag}".rstrip() for line in first.facts)]


def _options(first: FirstPage) -> list[str]:
    lines = [f"now {_told(first.now)} | {' | '.join(first.columns)}"]
    for row in first.rows:
        cells = (
            row.tier,
            _told(row.above),
            row.terms,
            row.aim,
            *map(_told, (row.evidence, row.bone, row.risk, row.burden)),
        )
        lines += [
            " | ".join((row.title, *cells)),
            f"    ways: {row.ways}",
            f"    against: {'; '.join(one.text for one in row.against)}",
        ]
    lines += [f"x {one.title}: {one.reason}" for one in first.not_here]
    lines += [*first.beyond, *(f"  {note}" for note in first.notes)]
    lines += [f"apart {_told(first.apart)}"] if first.apart else []
    return [*lines, *(f"? {question.text}" for question in first.questions), f"confirm: {first.checklist}"]


def _told(cell: Iterable[Linked]) -> str:
    return " + ".join(one.text for one in cell)


if __name__ == "__main__":
    AGREED.write_text(_first_page(), encoding="utf-8")
