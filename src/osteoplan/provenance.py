"""Where a result comes from: digests, named random streams and stamps.

One digest is identity, cache key and provenance.  Arrays count by their bytes, dataclasses by their fields,
mappings by their sorted items; a float counts by its exact value.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import Enum
from pathlib import Path
from typing import Any, Protocol

import numpy as np

__all__ = ["Stamp", "cache_folder", "digest", "rng"]


class _Sink(Protocol):
    def update(self, data: bytes, /) -> None: ...


def digest(*parts: Any) -> str:
    """SHA-256 (hex) of the parts, in order.

    Raises:
        TypeError: a part has no canonical form here (an open file, a function, a set of mixed types).
    """
    sink = hashlib.sha256()
    for part in parts:
        _feed(sink, part)
    return sink.hexdigest()


def rng(seed: int, *names: str) -> np.random.Generator:
    """The random stream called ``names`` under ``seed``.

    Streams with other names are independent, and a stream does not depend on who drew before: draw k of
    ("calibration",) is the same sample in every option and every room.
    """
    words = hashlib.sha256("/".join(names).encode()).digest()
    return np.random.default_rng([seed, *struct.unpack("<8I", words)])


def cache_folder() -> Path:
    """Where what was computed once is kept between runs; it can be deleted at any time."""
    named = os.environ.get("OSTEOPLAN_CACHE")
    user = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "osteoplan"
    base = Path(named) if named else user
    base.mkdir(parents=True, exist_ok=True)
    return base


@dataclass(frozen=True)
class Stamp:
    """What made a result: versions, digests of the inputs, settings, seed."""

    program: str
    knowledge: str
    inputs: Mapping[str, str]
    settings: Mapping[str, Any]
    seed: int
    created: str = ""

    @property
    def identity(self) -> str:
        """Digest of everything but the hour."""
        return digest(self.program, self.knowledge, self.inputs, self.settings, self.seed)


def _feed(sink: _Sink, part: Any) -> None:
    """Feed one value with a type tag before it, so that ("1",) and (1,) differ."""
    if part is None:
        sink.update(b"N;")
    elif isinstance(part, bool | np.bool_):
        sink.update(b"B1;" if part else b"B0;")
    elif isinstance(part, Enum):
        _feed(sink, part.value)
    elif isinstance(part, int | np.integer):
        sink.update(f"I{int(part)};".encode())
    elif isinstance(part, float | np.floating):
        sink.update(b"F" + struct.pack("<d", float(part)))
    elif isinstance(part, str):
        raw = part.encode()
        sink.update(f"S{len(raw)};".encode() + raw)
    elif isinstance(part, date):  # YAML reads a bare 2026-12-01 so
        sink.update(f"T{part.isoformat()};".encode())
    elif isinstance(part, bytes):
        sink.update(f"Y{len(part)};".encode() + part)
    elif isinstance(part, np.ndarray):
        array = np.ascontiguousarray(part)
        sink.update(f"A{array.dtype.str}{array.shape};".encode())
        sink.update(array.tobytes())
    elif dataclasses.is_dataclass(part) and not isinstance(part, type):
        sink.update(f"D{type(part).__qualname__};".encode())
        for field in dataclasses.fields(part):
            if field.metadata.get("digest", True):
                sink.update(field.name.encode() + b"=")
                _feed(sink, getattr(part, field.name))
        sink.update(b"d;")
    elif isinstance(part, Mapping):
        sink.update(f"M{len(part)};".encode())
        for key in sorted(part, key=str):
            _feed(sink, key)
            _feed(sink, part[key])
    elif isinstance(part, list | tuple):
        sink.update(f"L{len(part)};".encode())
        for item in part:
            _feed(sink, item)
    elif isinstance(part, frozenset | set):
        _feed(sink, sorted(part))
    else:
        raise TypeError(f"no canonical form for {type(part).__name__}: give digest() its data instead")
