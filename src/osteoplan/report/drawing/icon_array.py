"""Icon arrays: so many of 100 people, or of 1 000 where it is rare."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CELL", "IconArray", "people"]

CELL = 10  # edge of an icon's cell, in units of the picture
_COLUMNS = {100: 10, 1000: 50}

Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class IconArray:
    """So many of so many people.

    Attributes:
        of: 100, or 1000.
        certain: at least so many; likely: up to so many.
        columns: icons in a row.
    """

    of: int
    certain: int
    likely: int
    columns: int

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.columns * CELL, self.of // self.columns * CELL

    @property
    def boxes(self) -> tuple[tuple[str, Box], ...]:
        """What to fill with which icon: name and (x, y, width, height), row by row from the top left."""
        bounds = (("certain", 0, self.certain), ("likely", self.certain, self.likely),
                  ("none", self.likely, self.of))  # fmt: skip
        return tuple((name, box) for name, first, end in bounds for box in self._between(first, end))

    def _between(self, first: int, end: int) -> list[Box]:
        """Boxes that hold the icons of number ``first`` up to, not with, ``end``."""
        found = []
        for row in range(first // self.columns, self.of // self.columns):
            left = max(first - row * self.columns, 0)
            right = min(end - row * self.columns, self.columns)
            if right > left:
                found.append((left * CELL, row * CELL, (right - left) * CELL, CELL))
        return found


def people(low: float, high: float, of: int) -> IconArray:
    """Icons of an interval [%]: rounded to whole people, the upper end never to none."""
    certain, likely = round(low * of / 100.0), round(high * of / 100.0)
    likely = max(likely, 1) if high > 0.0 else likely
    return IconArray(of, certain, max(likely, certain), _COLUMNS[of])
