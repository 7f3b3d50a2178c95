"""Nothing is computed twice: results on disk by the digest of what they were computed from.

An entry is a folder-less pair: ``<digest>.npz`` with the arrays and, inside it, one JSON text.  Entries are
written beside and renamed, so two runs never read each other's halves.  The folder is ``OSTEOPLAN_CACHE``, or
the user's cache folder; it can be deleted at any time.
"""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from threading import get_ident
from typing import Any

import numpy as np

from osteoplan.model.field import Field, SampledInput
from osteoplan.model.outcome import Estimate
from osteoplan.model.simulated import Simulated
from osteoplan.model.volume import Volume
from osteoplan.provenance import cache_folder

__all__ = ["Cache"]

Arrays = dict[str, Any]  # name -> array


@dataclass(frozen=True)
class Cache:
    """Results by digest, by default in the user's own folder."""

    folder: Path = field(default_factory=lambda: cache_folder() / "results")

    def load(self, key: str) -> Simulated | None:
        """The result of that digest; None where there is none, or where the file was damaged."""
        path = self.folder / f"{key}.npz"
        if not path.is_file():
            return None
        try:
            with np.load(path, allow_pickle=False) as stored:
                arrays = {name: stored[name] for name in stored.files}
            return _unpack(json.loads(str(arrays.pop("document"))), arrays)
        except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile):
            path.unlink(missing_ok=True)  # damaged, or of another version: compute again
            return None

    def store(self, key: str, result: Simulated) -> None:
        """Keep a result."""
        self.folder.mkdir(parents=True, exist_ok=True)
        document, arrays = _pack(result)
        beside = self.folder / f".{key}.{os.getpid()}.{get_ident()}.part.npz"
        np.savez_compressed(beside, document=np.array(json.dumps(document)), **arrays)
        beside.replace(self.folder / f"{key}.npz")


def _pack(result: Simulated) -> tuple[dict[str, Any], Arrays]:
    arrays: Arrays = {}
    outcomes, fields = [], []
    for n, outcome in enumerate(result.outcomes):
        names = (name for name in outcome.__dataclass_fields__ if name != "draws")
        plain: dict[str, Any] = {name: getattr(outcome, name) for name in names}
        outcomes.append(plain)
        if outcome.draws is not None:
            arrays[f"draws{n}"] = outcome.draws
    for n, one in enumerate(result.fields):
        arrays[f"field{n}"], arrays[f"affine{n}"] = one.volume.array, one.volume.affine
        if one.samples:  # all on one crop
            arrays[f"samples{n}"] = np.stack([sample.array for sample in one.samples])
            arrays[f"crop{n}"] = one.samples[0].affine
        plain = {"quantity": one.quantity, "unit": one.unit, "because": one.because}
        plain["inputs"] = [asdict(each) for each in one.inputs]
        fields.append({**plain, "meaning": one.volume.meaning, "frame": one.volume.frame})
    document = {
        "outcomes": outcomes,
        "fields": fields,
        "diagnostics": dict(result.diagnostics),
        "warnings": list(result.warnings),
    }
    return document, arrays


def _tuples(one_at_a_time: Mapping[str, list[float]]) -> dict[str, tuple[float, ...]]:
    return {input: tuple(values) for input, values in one_at_a_time.items()}


def _unpack(document: dict[str, Any], arrays: Arrays) -> Simulated:
    outcomes = tuple(
        Estimate(
            **{**plain, "because": tuple(plain["because"]), "one_at_a_time": _tuples(plain["one_at_a_time"])},
            draws=arrays.get(f"draws{n}"),
        )
        for n, plain in enumerate(document["outcomes"])
    )
    fields = tuple(_field(plain, arrays, str(n)) for n, plain in enumerate(document["fields"]))
    return Simulated(outcomes, fields, document["diagnostics"], tuple(document["warnings"]))


def _field(plain: dict[str, Any], arrays: Arrays, n: str) -> Field:
    def volume(array: Any, affine: Any) -> Volume:
        return Volume(array, affine, plain["meaning"], plain["frame"])

    samples = tuple(volume(one, arrays[f"crop{n}"]) for one in arrays.get(f"samples{n}", ()))
    central = volume(arrays[f"field{n}"], arrays[f"affine{n}"])
    inputs = tuple(
        SampledInput(each["name"], each["value"], tuple(each["ends"]), tuple(each["samples"]))
        for each in plain["inputs"]
    )
    return Field(plain["quantity"], central, plain["unit"], plain["because"], samples, inputs)
