"""What every page is made with: a template filled, and images inside, so that the file loads nothing."""

from __future__ import annotations

import base64
import hashlib
import io
from functools import cache
from importlib import resources

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from PIL import Image

from osteoplan.arrays import U8

__all__ = ["data_uri", "filled", "hash_of", "png", "source"]


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


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("osteoplan.report"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
