"""How wide a text is before any browser has seen it, so that no drawing overflows its boxes.

The widths are those of DejaVu Sans, the widest of the fonts that the pages ask for: in every other one the
text is narrower.  A test compares them with the font itself.
"""

from __future__ import annotations

import re

__all__ = ["text_width", "wrapped"]

_UNIT = re.compile(r"(?<=\d) (?=(?:%|mm|cm|mL|Gy|h)(?:\W|$))")

# Width in hundredths of the font size, rounded up: characters of that width.
_CHARACTERS = {
    28: "'ijl",
    30: "IJ",
    32: ",. \u00a0·’",
    34: "/:;\\|",
    37: "f-",
    41: "t()[]!",
    42: "r²³⁹",
    46: '"',
    50: "*_`–°",
    53: "sz“”",
    54: "?",
    56: "cL",
    59: "kF",
    60: "vxy",
    61: "P",
    62: "aoTYe",
    64: "bdghnpquES0123456789${}µ",
    66: "K",
    70: "AVBRXZC",
    74: "U",
    76: "HN",
    78: "DG&",
    80: "OQ",
    82: "w",
    84: "#+<=>^~−×≥≤≠±→",
    87: "M",
    96: "%",
    98: "m",
    99: "W",
}
_WIDTH = {character: width / 100.0 for width, row in _CHARACTERS.items() for character in row}
_WIDEST = 1.01
_BOLD = 1.27  # the largest ratio of a bold character to its plain one


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """Upper bound of a text's width, in the unit of the font size."""
    plain = sum(_WIDTH.get(character, _WIDEST) for character in text) * size
    return plain * _BOLD if bold else plain


def wrapped(text: str, size: float, room: float) -> tuple[str, ...]:
    """The text in lines that fit into the room; a number keeps its unit, a word too long alone is cut."""
    lines: list[str] = []
    line = ""
    whole = _UNIT.sub("\u00a0", text)
    for word in (piece for one in whole.split(" ") for piece in _cut(one, size, room)):
        longer = f"{line} {word}".strip()
        if line and text_width(longer, size) > room:
            lines.append(line)
            line = word
        else:
            line = longer
    return (*lines, line) if line else tuple(lines)


def _cut(word: str, size: float, room: float) -> list[str]:
    """A word in pieces that fit; one character is never cut."""
    pieces = [""]
    for character in word:
        if pieces[-1] and text_width(pieces[-1] + character, size) > room:
            pieces.append("")
        pieces[-1] += character
    return pieces
