"""The first page in words, as it was last agreed on.

To agree on another one: look at it, then ``python -m tests.golden.test_report_golden``.
"""

from __future__ import annotations

from pathlib import Path

from osteoplan.report.drawing.pictures import Picture
from osteoplan.report.plan.nouns import Drawings, PlanPage
from osteoplan.report.plan.page_view import page_view
from osteoplan.report.words import Value
from tests.report_fixture import plan_result, uncalibrated

AGREED = Path(__file__).with_name("report_first_page.txt")


def test_the_first_page_says_what_was_agreed() -> None:
    assert _first_page() == AGREED.read_text(encoding="utf-8")


def _first_page() -> str:
    """The fixture's first page without its pictures, a line for a line."""
    blank = Picture("", "", "", 1.0, 1.0)
    page = page_view(uncalibrated(plan_result()), Drawings((), blank, "", (), (), {}, None))
    return "\n".join([*_head(page), *_options(page), *_rules(page)]) + "\n"


def _head(page: PlanPage) -> list[str]:
    r = page.running
    lines = [f"{r.program} | {r.use} | {r.case} | {r.level} | {r.level_note} | {r.date} | {r.plan}"]
    lines += [f"! {banner}" for banner in page.banners]
    lines += [page.lesion_title, *(f"  {line.label}: {line.text}" for line in page.lesion)]
    now = page.now
    assert now.ratio is not None
    lines += [f"strength now {_say(now.ratio)} | {now.newtons} | {now.basis}"]
    for score in page.scores:
        lines += [f"{score.headline} | missing: {', '.join(score.missing)}"]
    return lines


def _options(page: PlanPage) -> list[str]:
    table = page.options
    heads = [f"{c.title} [{c.basis}] {c.tag}".strip() for c in table.columns]
    lines = [f"strength [{table.strength_tag}] | change | " + " | ".join(heads)]
    for row in table.rows:
        if row.reason:
            lines.append(f"{row.mark} {row.title} | {row.reason}")
            continue
        strength = row.no_strength if row.strength is None else _say(row.strength)
        change = "" if row.change is None else _say(row.change)
        cells = [" + ".join(_say(value) for value in cell) for cell in row.cells]
        lines.append(f"{row.mark} {row.title} | {strength} | {change} | " + " | ".join(cells))
        lines += [f"    against: {text}" for text in row.against]
    return [*lines, *(f"  {note}" for note in table.notes)]


def _rules(page: PlanPage) -> list[str]:
    lines = [f"{rule.rule} {rule.effect}: {rule.short} {rule.tag}".strip() for rule in page.first_spoke]
    return [*lines, *(f"? {line.label}: {line.text}" for line in page.first_cannot)]


def _say(value: Value) -> str:
    parts = (value.text, value.interval, value.tag, value.note, "(grey)" if value.grey else "")
    return " ".join(part for part in parts if part)


if __name__ == "__main__":
    AGREED.write_text(_first_page(), encoding="utf-8")
