"""How long the demo takes, cold and warm, how much memory, and how long `import osteoplan` takes.

Cold: no compiled kernels, no kept results; the scan is already downloaded.  Warm: compiled, no kept results.

    python benchmarks/demo.py [--archive FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def timed(command: list[str], environment: dict[str, str]) -> float:
    """Seconds of a command; its failure ends the benchmark."""
    start = time.perf_counter()
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--archive", type=Path)
    archive = parser.parse_args().archive
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder) / "cache"
        environment = {**os.environ, "OSTEOPLAN_CACHE": str(results)}
        environment["NUMBA_CACHE_DIR"] = str(Path(folder) / "jit")
        demo = [sys.executable, "-m", "osteoplan", "demo", "--force", "--out", str(Path(folder) / "demo")]
        demo += ["--archive", str(archive)] if archive else []
        if archive is None:
            subprocess.run(
                [sys.executable, "-c", "from osteoplan.workflow.demo import obtain_scan; obtain_scan()"],
                env=environment, check=True,
            )  # fmt: skip
        cold = timed(demo, environment)
        shutil.rmtree(results / "results")
        warm = timed(demo, environment)
        kept = timed(demo, environment)
    memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024**2
    imports = min(timed([sys.executable, "-c", "import osteoplan"], dict(os.environ)) for _ in range(5))
    bare = min(timed([sys.executable, "-c", "pass"], dict(os.environ)) for _ in range(5))
    figures = {
        "demo_cold_s": round(cold, 1),
        "demo_warm_s": round(warm, 1),
        "demo_results_kept_s": round(kept, 1),
        "peak_memory_GB": round(memory, 2),
        "import_s": round(imports - bare, 3),
        "cores": os.cpu_count(),
    }
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
