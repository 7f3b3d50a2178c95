"""What matters to patients, in plain words by language (``data/preference``).

A language or an attribute is added in the file alone; it is refused unless every language has every word.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pydantic import Field, field_validator

from osteoplan.errors import BadInput, named
from osteoplan.knowledge.load import Cited, Strict, document
from osteoplan.knowledge.outcomes import outcomes
from osteoplan.model.preference import SURE_ITEMS, Attribute, AttributeWords

__all__ = ["PreferenceWords", "attribute", "attributes", "languages", "preference_words"]


class _LanguageRow(Strict):
    title: str
    decimal: str = Field(max_length=1)


class _WordsRow(Strict):
    name: str = Field(max_length=48)
    sentence: str
    levels: tuple[str, ...] = ()

    @field_validator("sentence")
    @classmethod
    def _numbered(cls, text: str) -> str:
        try:
            text.format(n=1, of=100)
        except (KeyError, IndexError, ValueError) as why:
            raise ValueError("a sentence may hold {n} and {of}, and nothing else in braces") from why
        if "{n}" not in text:
            raise ValueError("a sentence holds its number as {n}")
        return text


class _AttributeRow(Strict):
    outcome: str
    target: str = Field("", alias="for")
    unit: str
    words: dict[str, _WordsRow]


class _SureRow(Cited):
    words: dict[str, dict[str, str]]


class _PhrasesRow(Strict):
    more: str
    less: str
    never: str
    unknown: str


class _PreferenceFile(Strict):
    date: datetime.date
    languages: dict[str, _LanguageRow]
    attributes: dict[str, _AttributeRow]
    sure: _SureRow
    phrases: dict[str, _PhrasesRow]


@dataclass(frozen=True)
class PreferenceWords:
    """What a page about preferences says in one language.

    Attributes:
        title: what the language calls itself.
        sure: the four questions of ``model.preference.SURE_ITEMS``, by item.
        more, less: sentences with ``{attribute}``, ``{central}`` and ``{now}``; never, unknown: sentences.
    """

    title: str
    sure: Mapping[str, str]
    more: str
    less: str
    never: str
    unknown: str


@cache
def attributes(root: Path | None = None) -> Mapping[str, Attribute]:
    """Every attribute by its id, in the order in which patients are asked.

    Raises:
        BadInput: an outcome that does not exist, is in another unit or has no better end; a language without
            words for it.
    """
    file = _file(root)
    return {id: _noun(id, row, file, root) for id, row in file.attributes.items()}


def attribute(id: str) -> Attribute:
    """One attribute.

    Raises:
        UnknownName: there is none of that id.
    """
    return named("attribute", id, attributes(), "knowledge/data/preference")


@cache
def languages(root: Path | None = None) -> Mapping[str, str]:
    """Languages that have all words: code -> what it calls itself."""
    return {code: row.title for code, row in _file(root).languages.items()}


def preference_words(language: str, root: Path | None = None) -> PreferenceWords:
    """Words of a language, apart from those of the attributes.

    Raises:
        UnknownName: no such language.
    """
    file = _file(root)
    row = named("language", language, file.languages, "knowledge/data/preference")
    phrases, sure = file.phrases.get(language), file.sure.words.get(language, {})
    if phrases is None or set(sure) != set(SURE_ITEMS):
        raise BadInput(f"{_WHERE}: sure and phrases: '{language}' lacks words that others have")
    return PreferenceWords(row.title, sure, phrases.more, phrases.less, phrases.never, phrases.unknown)


_WHERE = "knowledge/data/preference/attributes.yaml"


def _file(root: Path | None) -> _PreferenceFile:
    return document("preference/attributes.yaml", _PreferenceFile, root)


def _noun(id: str, row: _AttributeRow, file: _PreferenceFile, root: Path | None) -> Attribute:
    read = named("outcome", row.outcome, outcomes(root), f"{_WHERE}: {id}")
    if row.unit not in read.units or read.better == "neither":
        raise BadInput(
            f"{_WHERE}: {id}: {row.outcome} is in {' or '.join(read.units)}, {read.better} is better; "
            "an attribute has its unit and a better end"
        )
    if set(row.words) != set(file.languages):
        told = ", ".join(sorted(set(row.words) ^ set(file.languages)))
        raise BadInput(f"{_WHERE}: {id}: words in every language and in no other: {told}")
    if any(len(one.levels) != len(read.levels) for one in row.words.values()):
        raise BadInput(
            f"{_WHERE}: {id}: the levels of {row.outcome} are {', '.join(read.levels) or 'numbers'}"
        )
    words = {
        code: AttributeWords(one.name, one.sentence, file.languages[code].decimal, one.levels)
        for code, one in row.words.items()
    }
    return Attribute(id, row.outcome, row.unit, read.better, words, row.target)
