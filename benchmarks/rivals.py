"""One core against one core: osteoplan, ParOSol and CalculiX on the same bodies.

    pip install -e '.[rivals]'                # parosol-py: run as a program
    apt-get install calculix-ccx
    python benchmarks/rivals.py [--cases c b a] [--sizes 40 80 128] [--parosol-python PYTHON]

Every solver is one process on one core, run once.  Ends bonded, 1 % compression, Poisson 0.3, tolerance 1e-6
of ||r|| / ||K u_bc|| over what is free (ParOSol's norm and ours are the same).

    ours      ``osteoplan.solve_voxels``, from arrays to fields on arrays: checks, pieces, mesh, multigrid,
              steps.  Kernels are loaded before, by a small solve: that stands apart.
    ParOSol   the program of parosol-py, fp64, its own only setting.  Its seconds run from the first word
              after MPI's start to its last iteration; reading the image is in them; writing stands apart.
    CalculiX  the deck of ``osteoplan.io.calculix``, moduli in classes of 2 % where they are many.  Its
              seconds run from the structure of the matrix to the solution; reading and writing stand apart.
              Its direct solver is given small bodies only.

CPU seconds are read from the kernel when the program says which step it enters.  Bytes per unknown are the
growth of the resident set at its peak, over the unknowns that move (all of it, for the rivals).
"""

from __future__ import annotations

import argparse
import json
import os
import pty
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np
from bodies import BODIES, body, squeezed

TOLERANCE = 1e-6
CORE = max(os.sched_getaffinity(0))
ONE = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
DIRECT_MOST = 150_000  # unknowns: a full cube of 40 takes CalculiX's direct solver more than ten minutes
TICK = os.sysconf("SC_CLK_TCK")


@dataclass
class Run:
    """CPU seconds by step, iterations, reaction and bytes of one solver on one body."""

    solver: str
    setup_s: float
    solve_s: float
    apart_s: float
    iterations: int | None
    reaction_N: float | None
    bytes_: float
    why: str = ""
    more: dict = field(default_factory=dict)

    @property
    def total_s(self) -> float:
        return self.setup_s + self.solve_s


def main() -> None:
    if sys.argv[1:2] == ["--ours"]:
        print(json.dumps(ours_here(Path(sys.argv[2]))))
        return
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", nargs="*", default=list("cba"), choices=list(BODIES))
    parser.add_argument("--sizes", nargs="*", type=int, default=[40, 80, 128])
    parser.add_argument("--parosol-python", default=sys.executable, help="a Python that has parosol-py")
    parser.add_argument("--parosol-most", type=int, default=128, help="largest size given to ParOSol")
    parser.add_argument("--ccx-most", type=int, default=40, help="largest size given to CalculiX")
    given = parser.parse_args()
    parosol = parosol_of(given.parosol_python)
    print(f"one core ({CORE}); {_cpu()}; {len(os.sched_getaffinity(0))} cores, load {os.getloadavg()[0]:.1f}")
    print(f"ParOSol: {'parosol-py ' + parosol['version'] if parosol else 'not found'}; "
          f"CalculiX: {shutil.which('ccx') or 'not found'}\n")  # fmt: skip
    print("case  size  M unknowns  solver          its  set-up s  solve s  total s  apart s  B/unknown "
          "  reaction N  ours is faster by")  # fmt: skip
    grown: dict[str, list[tuple[float, float, int]]] = {}
    for case in given.cases:
        for n in given.sizes:
            E = body(case, n)
            unknowns = _unknowns(E)
            with tempfile.TemporaryDirectory() as folder:
                runs = [ours(E, Path(folder))]
                if parosol and n <= given.parosol_most:
                    runs.append(with_parosol(E, Path(folder), parosol))
                if shutil.which("ccx") and n <= given.ccx_most:
                    runs += [
                        with_ccx(E, Path(folder), solver) for solver in ("SPOOLES", "ITERATIVE CHOLESKY")
                    ]
            for run in runs:
                tell(case, n, unknowns, run, runs[0])
            if not runs[0].why:
                grown.setdefault(case, []).append((unknowns, runs[0].total_s, runs[0].iterations or 0))
    print("\nhow cost grows: seconds ~ unknowns ^ p between sizes")
    for case, rows in grown.items():
        powers = [f"{np.log(b[1] / a[1]) / np.log(b[0] / a[0]):.2f}" for a, b in pairwise(rows)]
        print(f"  {case} {BODIES[case]:18} p = {', '.join(powers) or '-'}; steps {[row[2] for row in rows]}")
    products()


def tell(case: str, n: int, unknowns: int, run: Run, first: Run) -> None:
    head = f"{case:4} {n:5d} {unknowns / 1e6:11.3f}  {run.solver:15}"
    if run.why:
        print(f"{head} {run.why}", flush=True)
        return
    its = "-" if run.iterations is None else str(run.iterations)
    reaction = "-" if run.reaction_N is None else f"{run.reaction_N:.7g}"
    ratio = ""
    if run is not first and not first.why:
        ratio = f"{run.total_s / first.total_s:.1f} x  (solve {run.solve_s / first.solve_s:.1f} x)"
    print(f"{head} {its:>4} {run.setup_s:9.2f} {run.solve_s:8.2f} {run.total_s:8.2f} {run.apart_s:8.2f} "
          f"{run.bytes_ / unknowns:10.0f} {reaction:>11}   {ratio}", flush=True)  # fmt: skip


def ours(E: np.ndarray, folder: Path) -> Run:
    np.savez(folder / "ours.npz", E=E)
    done = subprocess.run(
        [sys.executable, __file__, "--ours", str(folder / "ours.npz")], env={**os.environ, **ONE},
        capture_output=True, text=True, check=False, preexec_fn=_pin,
    )  # fmt: skip
    if done.returncode:
        return Run("osteoplan", 0, 0, 0, None, None, 0, why=done.stderr.strip().splitlines()[-1])
    got = json.loads(done.stdout.splitlines()[-1])
    return Run(
        "osteoplan",
        got["setup"],
        got["solve"],
        got["apart"],
        got["iterations"],
        got["reaction"],
        got["bytes"],
    )


def ours_here(file: Path) -> dict:
    """In a process of its own: the public call, after one small one that loads the kernels."""
    import osteoplan

    started = time.process_time()
    small = body("c", 20)
    osteoplan.solve_voxels(small, 1.0, squeezed(small.shape), poisson_ratio=0.3, tolerance=TOLERANCE)
    apart = time.process_time() - started
    E = np.load(file)["E"]
    held = squeezed(E.shape)
    before = _resident()
    clock: list[float] = []

    def on_step(step: int, residual: float) -> bool:
        clock.append(time.process_time())
        return True

    start = time.process_time()
    found = osteoplan.solve_voxels(E, 1.0, held, poisson_ratio=0.3, tolerance=TOLERANCE, on_step=on_step)
    end = time.process_time()
    step = (clock[-1] - clock[0]) / max(1, len(clock) - 1)
    setup = clock[0] - step - start
    return {
        "setup": setup, "solve": end - start - setup, "apart": apart, "iterations": found.iterations,
        "reaction": float(found.reaction_N[:, :, -1, 2].sum()),
        "bytes": 1024.0 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before,
    }  # fmt: skip


PAROSOL = """
import json, sys
from importlib.metadata import version
from parosol_py import hdf5_io, runner
command = runner.build_parosol_command(
    executable=runner.packaged_executable(), input_file="in.h5", outputs=(), tolerance=1e-6, level=6)
if len(sys.argv) > 1:
    import numpy as np
    given = np.load(sys.argv[1])
    hdf5_io.write_parosol_input(
        "in.h5", stiffness_gpa_xyz=given["E"] / 1000.0, fixed_displacement_coordinates=given["at"],
        fixed_displacement_values=given["u"], voxel_size_mm=1.0, poisson_ratio=0.3)
env = runner.mpi_runtime_environment(command)
print(json.dumps({"command": command, "env": env, "version": version("parosol-py")}))
"""
REACTION = """
import h5py
with h5py.File("in.h5") as file:
    places, force = file["Mesh/Coordinates"][:], file["Solution/force"][:]
print(force[places[:, 2] == places[:, 2].max(), 2].sum())
"""


def products(n: int = 128) -> None:
    """Million voxels per second of y = A u on a full box, in single and double precision."""
    from osteoplan.kernels.elasticity import Bricks, Stiffness, brick_stiffness
    from osteoplan.kernels.rows import add_stiffness, modal_blocks

    mesh = Bricks.of(np.ones((n, n, n), dtype=bool))
    K0 = brick_stiffness((1.0, 1.0, 1.0), 0.3)
    print(f"\ny = A u on {n}^3 voxels, all {len(os.sched_getaffinity(0))} cores, and per core second:")
    for dtype in (np.float32, np.float64):
        A = Stiffness.uniform(mesh, K0, np.ones(n**3), dtype=dtype)
        E, u = mesh.lines_of_cells(A.modulus), mesh.rows.zeros(dtype)
        u[:] = 0.5
        y, blocks = np.zeros_like(u), modal_blocks(K0)
        add_stiffness(mesh.rows, blocks, E, u, y)
        wall, cpu = time.perf_counter(), time.process_time()
        for _ in range(20):
            add_stiffness(mesh.rows, blocks, E, u, y)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        voxels = 20 * n**3 / 1e6
        print(f"  {np.dtype(dtype)}: {voxels / wall:.0f} M voxels/s, {voxels / cpu:.0f} per core")


def parosol_of(python: str) -> dict | None:
    """Command, environment and version of the installed ParOSol; None where there is none."""
    done = subprocess.run([python, "-c", PAROSOL], capture_output=True, text=True, check=False)
    return {"python": python, **json.loads(done.stdout.splitlines()[-1])} if done.returncode == 0 else None


def with_parosol(E: np.ndarray, folder: Path, parosol: dict) -> Run:
    held = np.where(_corners_of(E)[..., None], squeezed(E.shape), np.nan)
    at = np.argwhere(~np.isnan(held))
    np.savez(folder / "parosol.npz", E=E, at=at, u=held[tuple(at.T)])
    subprocess.run([parosol["python"], "-c", PAROSOL, str(folder / "parosol.npz")], cwd=folder, check=True,
                   capture_output=True)  # fmt: skip
    marks, told, peak = _watched(
        parosol["command"],
        folder,
        (parosol["env"] or dict(os.environ)) | ONE,
        ("Generating mesh", "Preconditioning done", "### Timing"),
    )
    found = re.search(r"Nr of It: (\d+)", told)
    if found is None or len(marks) < 4:
        return Run("ParOSol", 0, 0, 0, None, None, 0, why="failed: " + told.strip().splitlines()[-1][:80])
    start, ready, solved, end = marks
    read = subprocess.run(
        [parosol["python"], "-c", REACTION], cwd=folder, check=True, capture_output=True, text=True
    )
    apart = start + end - solved
    return Run("ParOSol", ready - start, solved - ready, apart, int(found[1]), float(read.stdout), peak)


def with_ccx(E: np.ndarray, folder: Path, solver: str) -> Run:
    from osteoplan.io.calculix import deck
    from osteoplan.mechanics.voxels.problem import voxel_problem

    name = f"CalculiX {solver.split()[0][:9].lower()}"
    problem = voxel_problem(E, 1.0, squeezed(E.shape), poisson_ratio=0.3, force_N=None)
    many = len(np.unique(problem.modulus_MPa)) > 1000
    text = deck(problem, np.eye(4), class_width=0.02 if many else 0.0)
    text = text.replace("*STATIC\n", f"*STATIC, SOLVER={solver}\n").split("*NODE FILE")[0] + "*END STEP\n"
    (folder / "body.inp").write_text(text, encoding="ascii")
    marks, told, peak = _watched(
        [shutil.which("ccx") or "ccx", "-i", "body"], folder, {**os.environ, **ONE},
        ("Determining the structure of the matrix", "Using up to 1 cpu(s) for the stress calculation"),
        last=True,
    )  # fmt: skip
    sums = re.findall(r"total force .* for set MOVED.*\n\s*\n(.*)\n", (folder / "body.dat").read_text())
    if "Job finished" not in told or not sums or len(marks) < 3:
        return Run(name, 0, 0, 0, None, None, 0, why="failed: " + told.strip().splitlines()[-1][:80])
    start, solved, end = marks
    steps = re.findall(r"iteration=\s*(\d+)|iterations?\s*=?\s*(\d+)", told)
    its = int(next(filter(None, steps[-1]))) if steps else None
    return Run(name, 0.0, solved - start, start + end - solved, its, float(sums[-1].split()[2]), peak)


def _watched(
    command: list[str], folder: Path, env: dict, words: tuple[str, ...], *, last: bool = False
) -> tuple[list[float], str, float]:
    """Run a program on one core: (CPU seconds at each of its words and at its end, what it said, peak bytes).

    A terminal of its own makes it speak line by line.  ``last`` takes the last time that a word came.
    """
    parent, child = pty.openpty()
    running = subprocess.Popen(command, cwd=folder, env=env, stdout=child, stderr=child, preexec_fn=_pin)
    os.close(child)
    at: dict[str, float] = {}
    said = b""
    while True:
        try:
            more = os.read(parent, 65536)
        except OSError:  # the terminal is closed
            break
        if not more:
            break
        now = _cpu_seconds(running.pid)
        for word in words:
            if word.encode() in said[-200:] + more and (last or word not in at):
                at[word] = now
        said += more
    _, _, used = os.wait4(running.pid, 0)
    os.close(parent)
    marks = [at[word] for word in words if word in at] + [used.ru_utime + used.ru_stime]
    return marks, said.decode(errors="replace").replace("\r\n", "\n"), 1024.0 * used.ru_maxrss


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def _pin() -> None:
    os.sched_setaffinity(0, {CORE})


def _resident() -> float:
    return float(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _corners_of(E: np.ndarray) -> np.ndarray:
    used = np.zeros(tuple(n + 1 for n in E.shape), dtype=bool)
    for i, j, k in np.ndindex(2, 2, 2):
        used[i : i + E.shape[0], j : j + E.shape[1], k : k + E.shape[2]] |= E > 0
    return used


def _unknowns(E: np.ndarray) -> int:
    return int((np.isnan(squeezed(E.shape)) & _corners_of(E)[..., None]).sum())


def _cpu() -> str:
    names = re.findall(r"model name\s*:\s*(.*)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    return names[0] if names else "unknown processor"


if __name__ == "__main__":
    main()
