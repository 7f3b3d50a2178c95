"""What every page is made with: a template filled or typeset, and images inside, so that it loads nothing."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from functools import cache
from importlib import resources
from pathlib import Path

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from PIL import Image
from pydantic import BaseModel

from osteoplan.arrays import U8

__all__ = ["data_uri", "filled", "fonts", "hash_of", "page_count", "png", "source", "typeset"]

_UNITS = re.compile(r"(?<=\d) (?=(?:mm|mL|min|W)\b|%|°C)")


def filled(template: str, /, **content: object) -> str:
    """A template of ``templates/`` with its content; whatever a user typed is escaped."""
    return _environment().get_template(template).render(**content)


def source(name: str) -> str:
    """The text of a file of ``templates/``, as it is."""
    return resources.files("osteoplan.report").joinpath("templates", name).read_text(encoding="utf-8")


def hash_of(script: str) -> str:
    """What a page's policy calls an inline script: ``sha256-...``."""
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")


def data_uri(pixels: U8) -> str:
    """``data:image/png;base64,...`` of the pixels."""
    return "data:image/png;base64," + base64.b64encode(png(pixels)).decode("ascii")


def png(pixels: U8) -> bytes:
    """PNG of (rows, cols) grey or (rows, cols, 3 | 4) colour."""
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(file, "png")
    return file.getvalue()


def typeset(template: str, content: Mapping[str, object], *, date: str) -> bytes:
    """PDF of a static typst template; the same content gives the same bytes.

    Nothing is read from the network or from the fonts of the machine.  The content reaches the template as
    one JSON string, so that whatever a user typed is text and never markup.

    Args:
        date: ISO day that the file is stamped with.
    """
    import typst  # imported late: 80 MB that only paper needs

    made = typst.compile(  # type: ignore[misc]  # its stub cannot tell bytes from a path
        source(template).encode(),
        font_paths=[fonts()],
        ignore_system_fonts=True,
        sys_inputs={"content": _UNITS.sub("\u00a0", json.dumps(content, ensure_ascii=False, default=_plain))},
        timestamp=datetime.fromisoformat(f"{date[:10]}T00:00:00").replace(tzinfo=UTC),
    )
    assert isinstance(made, bytes)
    return made


def _plain(noun: object) -> object:
    """A noun as JSON has it."""
    return noun.model_dump() if isinstance(noun, BaseModel) else asdict(noun)  # type: ignore[call-overload]


def page_count(pdf: bytes) -> int:
    """Pages of a PDF that typst wrote: its page objects."""
    return len(re.findall(rb"/Type\s*/Page\b(?!s)", pdf))


def fonts() -> Path:
    """Folder of DejaVu Sans, as matplotlib carries it."""
    import matplotlib

    return Path(matplotlib.get_data_path()) / "fonts" / "ttf"


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("osteoplan.report"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
