"""What the patient's page tells, and every word of it by language (``data/patient``).

A language is a file of ``words``; it is refused unless it has every key of the English one.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import Field

from osteoplan.errors import BadInput, named
from osteoplan.knowledge.load import Strict, document, documents

__all__ = ["PatientWords", "PlainTechnique", "Topic", "patient_words", "silent", "topics"]


class Topic(Strict):
    """Something that the page tells of every option, from the published outcomes that answer it.

    Attributes:
        part: under which heading it stands.
        of, complement: outcome ids; of those in ``complement`` [%] the rest to 100 is told.
        core: told even where nobody knows anything of any option.
        of_treatment: cannot happen while nothing is done.
        uses: told only of treatments that use one of these; empty: of all.
    """

    id: str
    part: Literal["better", "nerve", "worse", "like"]
    kind: Literal["people", "points", "days", "walk", "minutes"]
    of: tuple[str, ...] = Field(min_length=1)
    complement: tuple[str, ...] = ()
    core: bool = False
    of_treatment: bool = False
    uses: tuple[str, ...] = ()


class _TopicsFile(Strict):
    topics: tuple[Topic, ...]
    silent: dict[str, str]


class PlainTechnique(Strict):
    """A treatment in plain words: what it is called, what is done, its good and its bad side."""

    name: str = Field(max_length=60)
    what: str
    good: str
    bad: str


class PatientWords(Strict):
    """Every word of the page in one language; ``page`` has sentences with {placeholders}."""

    language: str
    name: str
    decimal: str = Field(max_length=1)
    page: dict[str, str]
    bones: dict[str, str]
    sides: dict[str, str]
    anaesthesia: dict[str, str]
    topics: dict[str, str]
    techniques: dict[str, PlainTechnique]


@cache
def topics() -> tuple[Topic, ...]:
    """What is told, in the order in which it is told."""
    return _file().topics


@cache
def silent() -> Mapping[str, str]:
    """Published outcomes that the page does not tell, by id, and why."""
    return _file().silent


@cache
def patient_words(language: str, root: Path | None = None) -> PatientWords:
    """The words of a language.

    Raises:
        UnknownName: nobody wrote that language.
        BadInput: it lacks a word that English has, or has one that English lacks.
    """
    found = documents("patient/words", PatientWords, root)
    words, english = named("language", language, found, "knowledge/data/patient/words"), found["en"]
    for part in ("page", "bones", "sides", "anaesthesia", "topics", "techniques"):
        apart = set(getattr(words, part)) ^ set(getattr(english, part))
        if apart:
            raise BadInput(
                f"knowledge/data/patient/words/{language}.yaml: {part}: {', '.join(sorted(apart))} is in one "
                "of the languages alone: write it in all of them"
            )
    return words


def _file() -> _TopicsFile:
    return document("patient/topics.yaml", _TopicsFile)
