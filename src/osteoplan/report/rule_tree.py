"""A block of rules as a drawing: questions from left to right, rules at the right edge.

    for drawing in drawings(rules, title="Spine and sacrum"):
        page += svg(drawing)

Yes follows the line; no leaves it; unknown asks the question.  The same drawing shows a patient where
``truth`` gives the verdicts.  Sizes are CSS pixels; a drawing is as wide as a landscape A4 page prints.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from jinja2 import Environment, PackageLoader, StrictUndefined

from osteoplan.knowledge.expression import Expression
from osteoplan.knowledge.rules import Rule
from osteoplan.knowledge.techniques import technique_cards
from osteoplan.knowledge.vocabulary import FactRow, uses, vocabulary
from osteoplan.model.evidence import Effect, ReviewStatus
from osteoplan.report.rule_branches import Branch, branches, paths
from osteoplan.report.rule_words import outline
from osteoplan.report.text_width import text_width, wrapped

__all__ = [
    "STATUS_WORDS",
    "Drawing",
    "Leaf",
    "Link",
    "Question",
    "TextLine",
    "about_names",
    "drawings",
    "svg",
]

STATUS_WORDS: Mapping[ReviewStatus, str] = {
    "verified": "verified", "unverified": "unverified", "design_default": "our default",
}  # fmt: skip

Truth = Literal["holds", "unknown", "does not hold", ""]
Style = Literal["plain", "soft", "bold"]

_WIDTH, _HEIGHT = 1040.0, 520.0  # beside the heading of a printed page
_LEFT, _GAP, _LEAF = 18.0, 38.0, 400.0
_WIDEST_QUESTION = 300.0
_SIZE, _SMALL, _STEP, _PAD = 11.0, 10.0, 14.5, 7.0
_BETWEEN, _HEAD, _ANCHOR = 9.0, 16.0, 15.0
_INDENT = 11.0
_TRIED = 20  # step of the heights that are tried to even out the portions


@dataclass(frozen=True)
class TextLine:
    """A line of text: left end (right end where ``end``), baseline, font size."""

    x: float
    y: float
    text: str
    style: Style = "plain"
    size: float = _SIZE
    end: bool = False

    @property
    def span(self) -> tuple[float, float]:
        """Leftmost and rightmost point that the text can reach."""
        width = text_width(self.text, self.size, bold=self.style == "bold")
        return (self.x - width, self.x) if self.end else (self.x, self.x + width)


@dataclass(frozen=True)
class Question:
    """A box with conditions that must all hold."""

    x: float
    y: float
    width: float
    height: float
    lines: tuple[TextLine, ...]
    truth: Truth = ""


@dataclass(frozen=True)
class Leaf:
    """A rule.

    Attributes:
        path: the conditions on its way, all of which must hold.
        effect: drawn as a shape of its own, beside its word.
    """

    rule: str
    effect: Effect
    x: float
    y: float
    width: float
    height: float
    lines: tuple[TextLine, ...]
    path: tuple[Expression, ...]
    truth: Truth = ""


@dataclass(frozen=True)
class Link:
    """A line from a question to what follows its yes: corners; ``yes`` where the word stands on it."""

    points: tuple[tuple[float, float], ...]
    truth: Truth = ""
    yes: bool = False


@dataclass(frozen=True)
class Drawing:
    """One drawing; everything in it lies within ``width`` and ``height``."""

    title: str
    width: float
    height: float
    questions: tuple[Question, ...]
    leaves: tuple[Leaf, ...]
    links: tuple[Link, ...]
    patient: bool


def drawings(
    rules: Sequence[Rule],
    *,
    title: str,
    truth: Mapping[str, bool | None] | None = None,
    names: Mapping[str, str] | None = None,
) -> tuple[Drawing, ...]:
    """The drawings of some rules: as many as keep each readable on one page.

    Args:
        rules: rules of one block, each id once.
        title: what the drawing is of.
        truth: verdicts of a patient by rule id; a rule that is not in it is drawn as unknown.
        names: what techniques and uses are called; None takes the names of the package.
    """
    called = about_names() if names is None else names
    pages = [_layout(part, title, truth, called) for part in _parts(rules, called)]
    if len(pages) == 1:
        return tuple(pages)
    return tuple(replace(p, title=f"{title}, {n} of {len(pages)}") for n, p in enumerate(pages, 1))


def about_names() -> dict[str, str]:
    """What every technique and everything that techniques use is called."""
    return {**uses(), **{id: card.title for id, card in technique_cards().items()}}


def svg(drawing: Drawing) -> str:
    """The drawing as SVG that loads nothing."""
    environment = Environment(
        loader=PackageLoader("osteoplan.report"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    return environment.get_template("knowledge_tree.svg.j2").render(drawing=drawing)


def _parts(rules: Sequence[Rule], called: Mapping[str, str]) -> list[list[Rule]]:
    """The rules in portions that fit a page each: as few as possible, and about equally high."""
    heights: dict[tuple[str, ...], float] = {}
    portions = _portions(rules, called, heights, _HEIGHT)
    if len(portions) == 1:
        return portions
    for limit in range(0, int(_HEIGHT), _TRIED):
        evened = _portions(rules, called, heights, float(limit))
        if len(evened) == len(portions):
            return evened
    return portions


def _portions(
    rules: Sequence[Rule], called: Mapping[str, str], heights: dict[tuple[str, ...], float], limit: float
) -> list[list[Rule]]:
    """The rules in order, cut where the next branch, or branch within a branch, would pass the limit."""
    portions: list[list[Rule]] = [[]]

    def add(units: Sequence[tuple[Branch, tuple[Rule, ...]]]) -> None:
        for branch, inside in units:
            if _height([*portions[-1], *inside], called, heights) <= limit:
                portions[-1] += inside
            elif len(inside) > 1 and _height(inside, called, heights) > limit:
                add(_units(branch))
            else:
                portions.append(list(inside))

    add([(branch, _inside(branch)) for branch in branches(rules)])
    return [portion for portion in portions if portion]


def _units(branch: Branch) -> list[tuple[Branch, tuple[Rule, ...]]]:
    """What can be cut apart within a branch: its own rules one by one, then its branches."""
    own = [(Branch(branch.conditions, (rule,), ()), (rule,)) for rule in branch.rules]
    return [*own, *((inner, _inside(inner)) for inner in branch.branches)]


def _inside(branch: Branch) -> tuple[Rule, ...]:
    return tuple(rule for rule, _ in paths((branch,)))


def _height(rules: Sequence[Rule], called: Mapping[str, str], heights: dict[tuple[str, ...], float]) -> float:
    key = tuple(rule.id for rule in rules)
    if key not in heights:
        heights[key] = _layout(rules, "", None, called).height
    return heights[key]


def _layout(
    rules: Sequence[Rule], title: str, truth: Mapping[str, bool | None] | None, called: Mapping[str, str]
) -> Drawing:
    tree = branches(rules)
    return _Sheet(_depth(tree), truth, called, vocabulary()).drawn(tree, title)


def _depth(tree: Sequence[Branch]) -> int:
    return max((1 + _depth(branch.branches) for branch in tree), default=0)


class _Sheet:
    """A drawing being made: every branch takes a band of its own height, so that nothing can overlap."""

    def __init__(
        self,
        depth: int,
        truth: Mapping[str, bool | None] | None,
        called: Mapping[str, str],
        facts: Mapping[str, FactRow],
    ) -> None:
        room = (_WIDTH - _LEFT - _LEAF) / depth - _GAP
        self.column = min(_WIDEST_QUESTION, room)
        self.leaf_x = _LEFT + depth * (self.column + _GAP)
        self.truth, self.called, self.facts = truth, called, facts
        self.questions: list[Question] = []
        self.leaves: list[Leaf] = []
        self.links: list[Link] = []

    def drawn(self, tree: Sequence[Branch], title: str) -> Drawing:
        y = 2.0
        for branch in tree:
            anchor = y + _ANCHOR
            self.links.append(Link(((6.0, 4.0), (6.0, anchor), (_LEFT, anchor)), self._truth_of((branch,))))
            y = self._branch(branch, 0, y, ()) + _BETWEEN
        return Drawing(
            title, _WIDTH, y + 4.0, tuple(self.questions), tuple(self.leaves), tuple(self.links),
            self.truth is not None,
        )  # fmt: skip

    def _branch(self, branch: Branch, depth: int, y: float, before: tuple[Expression, ...]) -> float:
        """Draw a question and all behind it from ``y`` downward; the lower end of its band."""
        x = _LEFT + depth * (self.column + _GAP)
        lines, height = self._question_lines(branch.conditions, x, y)
        self.questions.append(Question(x, y, self.column, height, lines, self._truth_of((branch,))))
        path = (*before, *branch.conditions)
        right, down = x + self.column, y
        for rule in branch.rules:
            self._link(right, y, self.leaf_x, down, self._truth(rule), first=down == y)
            down = self._leaf(rule, down, path) + _BETWEEN
        for inner in branch.branches:
            self._link(right, y, right + _GAP, down, self._truth_of((inner,)), first=down == y)
            down = self._branch(inner, depth + 1, down, path) + _BETWEEN
        return max(down - _BETWEEN, y + height)

    def _link(self, right: float, y: float, x: float, down: float, truth: Truth, *, first: bool) -> None:
        elbow = right + _GAP - 9.0
        corners = ((right, y + _ANCHOR), (elbow, y + _ANCHOR), (elbow, down + _ANCHOR), (x, down + _ANCHOR))
        self.links.append(Link(corners, truth, first))

    def _question_lines(
        self, conditions: Sequence[Expression], x: float, y: float
    ) -> tuple[tuple[TextLine, ...], float]:
        lines: list[TextLine] = []
        baseline = y + _PAD + _SIZE
        for n, condition in enumerate(conditions):
            baseline += 4.0 if n else 0.0
            for one in outline(condition, self.facts):
                indent = one.depth * _INDENT
                style: Style = "soft" if one.text in ("at least one of", "all of") else "plain"
                for text in wrapped(one.text, _SIZE, self.column - 2.0 * _PAD - indent):
                    lines.append(TextLine(x + _PAD + indent, baseline, text, style))
                    baseline += _STEP
        return tuple(lines), baseline - _STEP + _PAD - y + 2.0

    def _leaf(self, rule: Rule, y: float, path: tuple[Expression, ...]) -> float:
        """Draw a rule; its lower end."""
        width = _WIDTH - self.leaf_x - 2.0
        left, room = self.leaf_x + _PAD, width - 2.0 * _PAD
        baseline = y + _PAD + _SIZE
        lines = self._head(rule, left, room, baseline)
        for text in wrapped(rule.row.then, _SIZE, room):
            baseline += _STEP
            lines.append(TextLine(left, baseline, text))
        for text in wrapped(self._about(rule), _SMALL, room):
            baseline += _STEP - 1.0
            lines.append(TextLine(left, baseline, text, "soft", _SMALL))
        height = baseline + _PAD - y
        self.leaves.append(
            Leaf(
                rule.id, rule.row.effect, self.leaf_x, y, width, height, tuple(lines), path, self._truth(rule)
            )
        )
        return y + height

    def _about(self, rule: Rule) -> str:
        """What the effect is about, in words; semicolons, since names have commas of their own."""
        words = [self.called.get(word, word) for word in rule.row.about]
        return f"about {'; '.join(words)}" if words else ""

    def _head(self, rule: Rule, left: float, room: float, baseline: float) -> list[TextLine]:
        """Effect and id at the left, how well checked (and a patient's verdict) at the right."""
        said = f"{rule.row.effect}  {rule.id}"
        marks = [f"{rule.row.line} line" if rule.row.line else "", STATUS_WORDS[rule.row.status]]
        marks.append({"": "", "unknown": "not settled"}.get(self._truth(rule), self._truth(rule)))
        right = " · ".join(mark for mark in marks if mark)
        return [
            TextLine(left + _HEAD, baseline, said, "bold"),
            TextLine(left + room, baseline, right, "soft", _SMALL, end=True),
        ]

    def _truth(self, rule: Rule) -> Truth:
        if self.truth is None:
            return ""
        verdict = self.truth.get(rule.id)
        return "unknown" if verdict is None else "holds" if verdict else "does not hold"

    def _truth_of(self, tree: Sequence[Branch]) -> Truth:
        """What a way leads to: a rule that holds, else one that is open, else nothing."""
        found = {self._truth(rule) for rule, _ in paths(tree)}
        order: tuple[Truth, ...] = ("holds", "unknown", "does not hold")
        return next((truth for truth in order if truth in found), "")
