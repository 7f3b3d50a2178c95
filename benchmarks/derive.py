"""How long all derived structures of a chest CT take, how much memory, and how long one bone takes.

    python benchmarks/derive.py CT.nii.gz LABELS.nii.gz [--bone vertebra_T12]

Labels numbered as TotalSegmentator's task "total".  One process; give OMP_NUM_THREADS=1 for a fair figure.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from pathlib import Path

from osteoplan.anatomy.derive import derived_structures
from osteoplan.anatomy.implants import find_implants
from osteoplan.io.nifti import read_nifti
from osteoplan.knowledge.structures import kind_of, scheme
from osteoplan.model.labels import LabelMap


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("ct", type=Path)
    parser.add_argument("labels", type=Path)
    parser.add_argument("--bone", default="vertebra_T12")
    given = parser.parse_args()
    ct = read_nifti(given.ct, "HU")
    labels = LabelMap(read_nifti(given.labels, "label"), scheme("totalsegmentator"))
    derived_structures(ct, labels, bone=given.bone)  # compile once
    seconds = {}
    for name, bone in (("all", None), (given.bone, given.bone)):
        wall, cpu = time.perf_counter(), time.process_time()
        structures, notes = derived_structures(ct, labels, bone=bone)
        seconds[name] = {
            "wall_s": round(time.perf_counter() - wall, 1),
            "cpu_s": round(time.process_time() - cpu, 1),
            "structures": len(structures),
            "notes": len(notes),
        }
    named = labels.present()
    bones, vessels = (labels.any_of(n for n in named if kind_of(n) == kind) for kind in ("bone", "vessel"))
    wall = time.perf_counter()
    implants = find_implants(ct, bones=bones, vessels=vessels)
    seconds["implants"] = {"wall_s": round(time.perf_counter() - wall, 1), "found": len(implants)}
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    print(json.dumps({"voxels": ct.shape, "peak_GB": round(memory, 2), **seconds}, indent=1))


if __name__ == "__main__":
    main()
