"""Spoilt inputs: ``init`` makes a case or says one sentence, soon and in little memory.

Two mutations of each fault and of each valid export here; ``benchmarks/fuzz.py`` makes more.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.mutated import exported, mutate, of_fault, outcome

EXPORTS = exported()
SEED, TIMES = 14, 2


def spoilt(new, folder: Path) -> None:
    outcomes = [outcome(new, folder)]
    for n in range(TIMES):
        words, put_back = mutate(new, np.random.default_rng([SEED, n]))
        found = outcome(new, folder)
        put_back()
        assert found.how in ("read", "refused"), (words, found)
        assert found.seconds < 5, (words, found)
        outcomes.append(found)
    assert outcomes[-1].peak_MB - outcomes[0].peak_MB < 1024


@pytest.mark.parametrize("name", EXPORTS)
def test_a_spoilt_export_is_read_or_refused_in_one_sentence(name: str, tmp_path: Path):
    spoilt(EXPORTS[name](tmp_path), tmp_path)


def test_a_spoilt_fault_is_read_or_refused_in_one_sentence(data: Path, tmp_path: Path):
    for fault in sorted((data / "faults").iterdir()):
        folder = tmp_path / fault.name
        shutil.copytree(fault, folder)
        for one in [folder, *folder.rglob("*")]:
            one.chmod(0o755)
        spoilt(of_fault(folder), folder)
        shutil.rmtree(folder)
