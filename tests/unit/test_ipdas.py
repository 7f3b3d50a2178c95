"""The patient's page against IPDAS (version 4): the six items that qualify an aid and six that certify it.

Source: clinical-checks.md row 17 (PMC5013503 table 2; bmjopen table 258821).  The other four certifying items
were not seen.  Each item is looked for on the rendered page, and missed once what answers it is taken away.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from tests.patient_made import page

WAYS = ("vertebroplasty", "ablation_with_stabilisation", "radiotherapy", "best_supportive_care")
PARTS = ("What may get better", "Harm to nerves", "What else may go wrong", "What it is like")


def condition(html: str) -> bool:
    """Describes the health condition: which bone, and what a tumour does to it."""
    return "a bone of your spine" in _section(html, "condition") and "make a bone weak" in html


def decision(html: str) -> bool:
    """States the decision that is to be made."""
    return "more than one way" in _element(html, "decision")


def options(html: str) -> bool:
    """Lists the options, doing nothing among them."""
    listed = re.findall(r'href="#way-(\w+)"', _section(html, "options"))
    return sorted(listed) == sorted(WAYS)


def positives(html: str) -> bool:
    """Tells the good sides of each option."""
    return all(_told(html, way, PARTS[0]) for way in WAYS)


def negatives(html: str) -> bool:
    """Tells the bad sides of each option, harm to nerves by itself."""
    return all(_told(html, way, part) for way in WAYS for part in PARTS[1:3])


def experience(html: str) -> bool:
    """Describes what it is like to have each option."""
    return all("Sleep and numbing" in _told(html, way, PARTS[3]) for way in WAYS)


def equal_detail(html: str) -> bool:
    """Tells the options in equal detail: the same headings in one order, the same things under them."""
    told = [re.findall(r"<h3>(.*?)</h3>", _section(html, f"way-{way}"))[1:] for way in WAYS]
    things = [_things(_section(html, f"way-{way}")) for way in WAYS]
    cement = {
        "Some cement gets near the nerves",
        "Some cement gets out of the bone",
        "A bit of cement gets into the lung",
    }
    return all(one == list(PARTS) for one in told) and len({frozenset(t - cement) for t in things}) == 1


def citations(html: str) -> bool:
    """Cites the studies behind its numbers."""
    used = set(re.findall(r'<sup><a href="#source-(\d+)">', html))
    return bool(used) and used == set(re.findall(r'<li id="source-(\d+)">', html))


def dates(html: str) -> bool:
    """Gives the date of the plan and of the evidence."""
    return bool(
        re.search(r"\d{4}-\d\d-\d\d", _element(html, "made"))
        and re.search(r"\d{4}-\d\d-\d\d", _element(html, "facts-of"))
    )


def update_policy(html: str) -> bool:
    """Says how it is kept up to date."""
    return "looked at again" in _element(html, "update")


def uncertainty(html: str) -> bool:
    """Tells how sure the numbers are."""
    told = _section(html, "way-vertebroplasty")
    return "It may be as few as 62 or as many as 79." in told and "Nobody knows" in _section(html, "unknown")


def funding(html: str) -> bool:
    """Says who paid for it."""
    return "paid for this page" in _element(html, "funding")


ITEMS: dict[Callable[[str], bool], str] = {
    condition: r'(?s)<section id="condition">.*?</section>',
    decision: r'<p id="decision">.*?</p>',
    options: r'(?s)<ul class="ways">.*?</ul>',
    positives: r"(?s)<h3>What may get better</h3>.*?</div>\n</div>",
    negatives: r"(?s)<h3>Harm to nerves</h3>.*?(?=<h3>)",
    experience: r"<h4>Sleep and numbing</h4>",
    equal_detail: r"(?s)<h3>What else may go wrong</h3>.*?(?=<h3>)",
    citations: r'(?s)<div id="sources".*?</div>',
    dates: r'<p id="facts-of">.*?</p>',
    update_policy: r'<p id="update">.*?</p>',
    uncertainty: r"It may be as few as .*?\.",
    funding: r'<p id="funding">.*?</p>',
}


@pytest.mark.parametrize("item", ITEMS, ids=lambda item: item.__name__)
def test_the_page_has_the_item_and_it_is_missed_once_taken_away(item: Callable[[str], bool]) -> None:
    whole = page()
    assert item(whole)
    without, n = re.subn(ITEMS[item], "", whole)
    assert n
    assert not item(without)


def _section(html: str, id: str) -> str:
    found = re.search(rf'(?s)<section(?: class="way")? id="{id}">.*?</section>', html)
    return found.group() if found else ""


def _element(html: str, id: str) -> str:
    found = re.search(rf'(?s)<p id="{id}">(.*?)</p>', html)
    return found.group(1) if found else ""


def _told(html: str, way: str, part: str) -> str:
    """What stands under a heading of a way."""
    found = re.search(rf"(?s)<h3>{part}</h3>(.*?)(?=<h3>|</section>)", _section(html, f"way-{way}"))
    return re.sub(r"<[^>]+>|\s+", " ", found.group(1)).strip() if found else ""


def _things(section: str) -> set[str]:
    """Titles of all that is told or said to be unknown."""
    unknown = re.findall(
        r'class="unknown"><b>(?:Nobody knows|Not here, as nothing is done):</b> (.*?)\.</p>', section
    )
    titles = {*re.findall(r"<h4>(.*?)</h4>", section), *(one for line in unknown for one in line.split("; "))}
    return titles - {"Sleep and numbing", "How firm the bone is"}
