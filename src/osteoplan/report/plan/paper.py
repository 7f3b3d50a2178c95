"""The report on paper: what each PDF says, as JSON that is kept beside the plan, and the PDF made from it.

document = paper(result, drawings)      # what ``report.json`` holds
pdf = printed(document, "meeting")      # one A4 landscape page

The pages are the same view-models as the HTML; nothing is computed a second time, and a PDF needs neither the
case nor the knowledge of its day.
"""

from __future__ import annotations

import base64
import io
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Literal

from PIL import Image

from osteoplan.errors import NotAvailable
from osteoplan.model.result import PlanResult
from osteoplan.report.drawing.pictures import Picture
from osteoplan.report.plan.meeting import first_page, header
from osteoplan.report.plan.nouns import Drawings, FirstPage, Linked, ReportSection
from osteoplan.report.plan.technical import technical
from osteoplan.report.rendering import filled, page_count, typeset
from osteoplan.report.views import INTENDED_USE

__all__ = ["SCHEMA", "To", "paper", "printed"]

To = Literal["meeting", "technical"]
SCHEMA = "osteoplan.report/1"
# DejaVu Sans of 7.5 pt is as high as Arial of 8 pt; below it only where a full page asks for it
_TEXT_PT = (8.0, 7.5, 7.2, 7.0)
_PICTURES_PT = tuple(range(112, 69, -6))  # heights; three of them and the facts fill the width
_LETTERS = 10.0  # on pictures, in their own units
_EMPTY = '<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1" viewBox="0 0 1 1"/>'
Json = dict[str, Any]


def paper(result: PlanResult, drawings: Drawings, sections: Sequence[ReportSection] | None = None) -> Json:
    """What every PDF of a plan says; ``sections`` as in ``page.html``."""
    return {
        "schema": SCHEMA,
        "plan": result.id,
        "date": result.stamp.created,
        "use": INTENDED_USE,
        "meeting": _meeting(result, drawings),
        "technical": _technical(result, drawings, sections),
    }


def printed(document: Mapping[str, Any], to: To, verified: ReportSection | None = None) -> bytes:
    """One of the PDFs.

    Args:
        verified: what the proof says, for the technical version.

    Raises:
        NotAvailable: the meeting has more to read than one page holds.
    """
    if to == "meeting":
        return _one_page(document)
    sections = [_standing(one) for one in document["technical"]["sections"]]
    if verified is not None:  # beside mesh and solver
        at = next((n for n, one in enumerate(sections, 1) if one["id"] == "model"), len(sections))
        sections.insert(at, asdict(verified))
    content = {**document["technical"], "sections": sections, "use": document["use"]}
    return typeset("technical.typ", content, date=document["date"])


def _one_page(document: Mapping[str, Any]) -> bytes:
    """The largest letters, then the largest pictures, that leave everything on one page."""
    for size in _TEXT_PT:
        if page_count(_set(document, size, _PICTURES_PT[-1], empty=True)) > 1:
            continue
        for height in _PICTURES_PT:
            if page_count(_set(document, size, height, empty=True)) == 1:
                return _set(document, size, height)
    raise NotAvailable("the page of the meeting does not fit on one A4 sheet: read report.html")


def _set(document: Mapping[str, Any], size: float, height: float, *, empty: bool = False) -> bytes:
    content = {**document["meeting"], "use": document["use"], "size": size, "height": height}
    if empty:
        content["pictures"] = [{**one, "svg": _EMPTY} for one in content["pictures"]]
    return typeset("meeting.typ", content, date=document["date"])


def _meeting(result: PlanResult, drawings: Drawings) -> Json:
    """The first page with its pictures, and the sources that its figures name."""
    first = first_page(result)
    numbers = sorted({number for one in _figures(first) for number in one.sources})
    return {
        **asdict(first),
        "plan": result.id[:16],
        "date": result.stamp.created,
        "bone": result.comparison.ranked_word,
        "pictures": [
            {
                "head": one.head.text, "title": f"{one.picture.title}; {one.picture.window}",
                "svg": _svg(one.picture), "aspect": one.picture.width / one.picture.height,
            }
            for one in drawings.meeting
        ],
        "legend": [asdict(entry) for entry in drawings.legend],
        "sources": [f"{number} {result.citations[number - 1].key}" for number in numbers],
        "credits": result.credits,
    }  # fmt: skip


def _technical(result: PlanResult, drawings: Drawings, common: Sequence[ReportSection] | None) -> Json:
    """The sections of the technical version."""
    return {
        "header": asdict(header(result)),
        "plan": result.id[:16],
        "date": result.stamp.created,
        "warnings": result.warnings,
        "credits": result.credits,
        "sections": [asdict(one) for one in technical(result, drawings.charts, common)],
    }


def _standing(section: Mapping[str, Any]) -> Json:
    """A section whose charts stand alone as SVG."""
    parts = [{**p, "image": _svg_of(p["image"])} if p["kind"] == "chart" else p for p in section["parts"]]
    return {**section, "parts": parts}


def _svg_of(uri: str) -> str:
    """SVG of an image that is a data URI; pixels are laid into one."""
    kind, _, data = uri.partition(";base64,")
    raw = base64.b64decode(data)
    if kind.endswith("svg+xml"):
        return raw.decode("utf-8")
    with Image.open(io.BytesIO(raw)) as image:
        wide, high = image.size
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {high}" width="{wide}" height="{high}">'
    )
    return f'{head}<image href="{uri}" width="{wide}" height="{high}"/></svg>'


def _figures(first: FirstPage) -> Iterable[Linked]:
    for row in first.rows:
        yield from (*row.evidence, *row.bone, *row.risk, *row.burden, *row.against)


def _svg(picture: Picture) -> str:
    """A picture that stands alone."""
    return filled(
        "sheet_picture.svg.j2",
        p=picture, size=_LETTERS, dimension="", dimension_at=(0.0, 0.0, "start"), stamps=picture.stamps,
        number=lambda mark: unicodedata.digit(mark, mark),
    )  # fmt: skip
