"""How long 500 CT slices of 512 x 512 take to be found, checked and read, and how much memory.

python benchmarks/dicom.py [--slices 500] [--syntax 1.2.840.10008.1.2.1]
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.dicom_made import affine_of, make_series

from osteoplan.io.dicom.image import read_series
from osteoplan.io.dicom.series import find_series
from osteoplan.model.volume import Volume


def made(slices: int) -> Volume:
    """A noisy cylinder: compresses about as a body does."""
    i, j = np.ogrid[:512, :512]
    body = np.where((i - 256) ** 2 + (j - 256) ** 2 < 200**2, 40, -1000)
    noise = np.random.default_rng(3).normal(0, 15, (512, 512, 8)).astype(np.int16)
    array = np.empty((512, 512, slices), np.int16)
    for k in range(slices):
        array[:, :, k] = body + np.roll(noise[:, :, k % 8], k, axis=0)
    return Volume(array, affine_of((0.8, 0.8, 1.0)), "HU")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--slices", type=int, default=500)
    parser.add_argument("--syntax", default="1.2.840.10008.1.2.1")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        volume = made(asked.slices)
        make_series(volume, Path(folder), transfer_syntax=asked.syntax)
        start = time.perf_counter()
        find_series(Path(folder))
        found = time.perf_counter()
        image = read_series(Path(folder))
        read = time.perf_counter()
        same = bool((image.volume.array == volume.array).all())
    figures = {
        "slices": asked.slices,
        "find_series_s": round(found - start, 2),
        "read_series_s": round(read - found, 2),
        "equal": same,
        "child_peak_memory_GB": round(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024**2, 2),
    }
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
