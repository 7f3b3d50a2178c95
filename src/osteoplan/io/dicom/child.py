"""Parsing of foreign files in a process of its own, which may not take more than so much memory and time.

A file from outside can be broken or hostile: a header that claims gigabytes, a stream that inflates a
thousandfold, a decoder that crashes.  In a child none of that takes the program down, and what the decoder
prints (which may hold a name) goes nowhere.  The parent looks at the child's memory fifty times a second and
ends it where it takes too much: that holds on Linux, Windows and macOS alike.

The child is this interpreter started anew, so that no ``if __name__ == "__main__"`` is asked of a script, and
no thread is inherited.  Its answer comes back through a folder that only this user can read and that is gone
afterwards; arrays travel beside the pickle, as bytes.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from osteoplan import errors
from osteoplan.errors import BadInput, Cancelled, OnStep, OsteoplanError

__all__ = ["in_child", "one_child"]

Result = TypeVar("Result")

# The path must be set before anything of this package can be found.
_START = (
    "import sys, pickle; sys.path[:] = pickle.load(sys.stdin.buffer); "
    "from osteoplan.io.dicom.child import _serve; _serve()"
)
_ONE_THREAD = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


def in_child(
    function: Callable[..., Result],
    *args: object,
    memory_MB: float,
    seconds: float,
    on_step: OnStep | None = None,
) -> Result:
    """``function(*args)`` in a child process; its result, or its refusal, comes back.

    Args:
        function: a function of a module (it is found by name), which takes ``on_step`` where one is given.
        args: picklable.
        memory_MB: memory that the child takes, the interpreter and its libraries (about 100 MB) included.
        seconds: wall clock.
        on_step: told ``(files done, share done)``; where it returns False the child is ended.

    Raises:
        BadInput: the function's own refusal, a limit that was reached, or an error inside the reader, told by
            its kind and place in the code only: its text may hold what the file says.
        Cancelled: ``on_step`` returned False.
    """
    with tempfile.TemporaryDirectory(prefix="osteoplan-") as folder:
        answer = Path(folder)
        task = (function, args, on_step is not None, memory_MB, seconds, str(answer))
        code, refusal = _run(pickle.dumps(task), memory_MB, seconds, on_step)
        if refusal:
            raise BadInput(refusal)
        if not (answer / "done").exists():
            _refuse(code, memory_MB)
        kind, value = _received(answer)
    if kind == "result":
        found: Result = value
        return found
    raise _again(kind, value)


@contextlib.contextmanager
def one_child() -> Iterator[None]:
    """Within it one child parses one file after the other; to start one takes about 0.5 s of the processor.

    A child that was ended, or that ended by itself, is followed by a new one.
    """
    if _KEPT.get() is not None:
        yield
        return
    kept: list[subprocess.Popen[bytes]] = []
    token = _KEPT.set(kept)
    try:
        yield
    finally:
        _KEPT.reset(token)
        for child in kept:
            _end(child)


_KEPT: ContextVar[list[subprocess.Popen[bytes]] | None] = ContextVar("kept", default=None)
_LOOK_S = 0.02
_DONE = b"done\n"
_ADVICE = "export it again, a series alone in its folder"


def _run(task: bytes, memory_MB: float, seconds: float, on_step: OnStep | None) -> tuple[int, str]:
    """Exit code of a child that ended before it was done, else 0, and why it was ended; empty where not."""
    kept = _KEPT.get()
    child = kept.pop() if kept else _started()
    assert child.stdin is not None
    assert child.stdout is not None
    refusals: list[str] = []
    done = threading.Event()
    watch = threading.Thread(target=_watch, args=(child, memory_MB, seconds, refusals, done), daemon=True)
    watch.start()
    try:
        with contextlib.suppress(BrokenPipeError):  # it died at once; its exit code is told below
            child.stdin.write(task)
            child.stdin.flush()
        for line in child.stdout:
            if line == _DONE:
                done.set()
                break
            if on_step is not None and not on_step(*_step(line)):
                raise Cancelled("reading the files was stopped")
        code = 0 if done.is_set() else child.wait()
        watch.join()
        return code, "".join(refusals)
    finally:
        if kept is not None and done.is_set() and not refusals:
            kept.append(child)
        else:
            _end(child)


def _started() -> subprocess.Popen[bytes]:
    child = subprocess.Popen(
        [sys.executable, "-P", "-W", "ignore", "-c", _START],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        env={**os.environ, **dict.fromkeys(_ONE_THREAD, "1")},
    )  # fmt: skip
    assert child.stdin is not None
    with contextlib.suppress(BrokenPipeError):
        child.stdin.write(pickle.dumps(sys.path))
    return child


def _end(child: subprocess.Popen[bytes]) -> None:
    child.kill()
    child.wait()
    for pipe in (child.stdin, child.stdout):
        if pipe is not None:
            with contextlib.suppress(BrokenPipeError):
                pipe.close()


def _watch(
    child: subprocess.Popen[bytes],
    memory_MB: float,
    seconds: float,
    refusals: list[str],
    done: threading.Event,
) -> None:
    """End the child where it takes too long or too much; the sentence goes to ``refusals`` first."""
    import psutil

    ends = time.monotonic() + seconds
    with contextlib.suppress(psutil.NoSuchProcess):  # it ended by itself
        process = psutil.Process(child.pid)
        while child.poll() is None and not done.wait(_LOOK_S):
            if process.memory_info().rss > memory_MB * 2**20:
                refusals.append(_too_much(memory_MB))
            elif time.monotonic() > ends:
                refusals.append(
                    f"the files took longer than {seconds:.0f} s to read and were refused: {_ADVICE}"
                )
            if refusals:
                child.kill()
                return


def _too_much(memory_MB: float) -> str:
    return f"the files need more than {memory_MB:.0f} MB to be read: {_ADVICE}"


def _step(line: bytes) -> tuple[int, float]:
    done, share = line.split()
    return int(done), float(share)


def _refuse(code: int, memory_MB: float) -> NoReturn:
    """The sentence for a child that ended without an answer."""
    how = f"signal {signal.Signals(-code).name}" if -code in set(signal.Signals) else f"exit code {code}"
    raise BadInput(
        f"the process that read the files ended without an answer ({how}; it may use {memory_MB:.0f} MB): "
        f"a file is damaged or far larger than it says; {_ADVICE}"
    )


def _again(kind: str, message: str) -> OsteoplanError:
    """The child's refusal, of its own class; not every class is made from a sentence alone."""
    refusal: type[OsteoplanError] = getattr(errors, kind)
    error = refusal.__new__(refusal)
    error.args = (message,)
    return error


def _received(answer: Path) -> tuple[str, Any]:
    import numpy as np

    buffers = [np.fromfile(path, np.uint8) for path in sorted(answer.glob("array-*"))]
    kind, value = pickle.loads((answer / "done").read_bytes(), buffers=buffers)
    return str(kind), value


# --- in the child --------------------------------------------------------------------------------------


def _serve() -> None:
    """Read tasks from stdin, do each within its limits and leave its answer."""
    progress = os.dup(1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # a decoder that prints must not be taken for progress
    with contextlib.suppress(EOFError):
        while True:
            _do(progress, *pickle.load(sys.stdin.buffer))
            os.write(progress, _DONE)


def _do(
    progress: int, function: Callable[..., object], args: tuple[object, ...], steps: bool, memory_MB: float,
    seconds: float, folder: str,
) -> None:  # fmt: skip
    _limit(seconds)
    more = {"on_step": lambda done, share: _tell(progress, done, share)} if steps else {}
    try:
        answer: tuple[str, object] = ("result", function(*args, **more))
    except OsteoplanError as why:
        answer = (type(why).__name__, str(why))
    except MemoryError:
        answer = ("BadInput", _too_much(memory_MB))
    except Exception as why:
        answer = ("BadInput", f"a file could not be read ({type(why).__name__}{_place(why)}): {_ADVICE}")
    _leave(answer, Path(folder))


def _limit(seconds: float) -> None:
    """What holds where the parent is gone too."""
    try:
        import resource
    except ImportError:  # Windows
        return
    usage = resource.getrusage(resource.RUSAGE_SELF)
    ends = int(usage.ru_utime + usage.ru_stime + seconds) + 5
    resource.setrlimit(resource.RLIMIT_CPU, (ends, resource.getrlimit(resource.RLIMIT_CPU)[1]))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core dump would hold the patient's header


def _tell(progress: int, done: int, share: float) -> bool:
    os.write(progress, f"{done} {share:.4f}\n".encode())
    return True


def _place(why: Exception) -> str:
    """Where in this package it happened; never what the exception says."""
    frames = [f for f in traceback.extract_tb(why.__traceback__) if "osteoplan" in Path(f.filename).parts]
    return f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""


def _leave(answer: tuple[str, object], folder: Path) -> None:
    count = 0

    def aside(buffer: pickle.PickleBuffer) -> None:
        nonlocal count
        with (folder / f"array-{count:04d}").open("wb") as file:
            file.write(buffer.raw())
        count += 1

    head = pickle.dumps(answer, protocol=5, buffer_callback=aside)
    (folder / "part").write_bytes(head)
    (folder / "part").rename(folder / "done")
