"""Run a function on many inputs in child processes that may crash, hang or eat memory.

A damaged video can end the process that decodes it. Here that costs one line in a report: the
child is replaced and the next input goes on. Children are plain subprocesses that talk JSON over
pipes, so nothing depends on how a caller's main module is written, notebooks included.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

from sdc_lib.support.files import type_and_first_line
from sdc_lib.support.processes import describe_exit

Status = Literal["ok", "error", "crashed", "killed", "timeout"]
_START_SECONDS = 120.0
_FROM_OUTSIDE = (-9, -15)  # SIGKILL, SIGTERM: no program sends them to itself


@dataclass(frozen=True)
class Outcome:
    """What became of one job.

    Attributes:
        job: The arguments.
        status: ``"ok"``; ``"error"``: the function raised; ``"crashed"``: its process died;
            ``"killed"``: something else ended its process, such as a system short of memory;
            ``"timeout"``: it was ended here, after the time that a call may take.
        result: What the function returned, empty unless ``"ok"``.
        cause: What went wrong, empty when ``"ok"``.
    """

    job: Mapping[str, Any]
    status: Status
    result: Mapping[str, Any]
    cause: str = ""


def run_isolated(
    task: str,
    jobs: Sequence[Mapping[str, Any]],
    *,
    workers: int,
    timeout: float,
    memory_gb: float = 4.0,
) -> Iterator[Outcome]:
    """Call a function once per job in child processes; yield outcomes as they come.

    Args:
        task: ``"module:function"``; the function takes keyword arguments and returns a mapping,
            both made of JSON values.
        jobs: The keyword arguments of every call.
        workers: Child processes.
        timeout: Seconds that one call may take.
        memory_gb: Memory that one child may allocate, in 2^30 bytes; enforced on Linux alone.

    Raises:
        ValueError: ``workers`` or ``timeout`` is not positive.
        RuntimeError: A child cannot start at all.
    """
    if workers < 1 or not timeout > 0:
        raise ValueError(f"workers is {workers} and timeout {timeout}; both must be positive")
    waiting: queue.SimpleQueue[Mapping[str, Any]] = queue.SimpleQueue()
    done: queue.SimpleQueue[Outcome | Exception] = queue.SimpleQueue()
    for job in jobs:
        waiting.put(job)
    children = [_Child(task, timeout, memory_gb) for _ in range(min(workers, len(jobs)))]
    for child in children:
        threading.Thread(target=_serve, args=(child, waiting, done), daemon=True).start()
    try:
        for _ in jobs:
            outcome = done.get()
            if isinstance(outcome, Exception):
                raise outcome
            yield outcome
    finally:
        for child in children:
            child.stop()


def _serve(
    child: _Child,
    waiting: queue.SimpleQueue[Mapping[str, Any]],
    done: queue.SimpleQueue[Outcome | Exception],
) -> None:
    """Feed one child until nothing waits or it is stopped."""
    with contextlib.suppress(queue.Empty):
        while not child.stopped:
            job = waiting.get_nowait()
            try:
                done.put(child.call(job))
            except Exception as error:
                done.put(error)
                return
    child.stop()


class _Child:
    """One subprocess, started when first needed and again after its death."""

    def __init__(self, task: str, timeout: float, memory_gb: float) -> None:
        self._arguments = [task, str(timeout), str(memory_gb)]
        self._timeout = timeout
        self._process: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()
        self.stopped = False

    def call(self, job: Mapping[str, Any]) -> Outcome:
        process = self._process or self._start()
        line, killed = _ask(process, json.dumps(job), self._timeout)
        if line.endswith("\n"):
            answer = cast("dict[str, Any]", json.loads(line))
            if "cause" in answer:
                return Outcome(job, "error", {}, str(answer["cause"]))
            return Outcome(job, "ok", answer["result"])
        self._process = None
        code = _end(process)
        if killed:
            return Outcome(job, "timeout", {}, f"took more than {self._timeout:g} s")
        status: Status = "killed" if code in _FROM_OUTSIDE else "crashed"
        return Outcome(job, status, {}, f"its process died: {describe_exit(code)}")

    def stop(self) -> None:
        with self._lock:
            self.stopped = True
            process = self._process
        if process is not None:
            process.kill()
            _end(process)

    def _start(self) -> subprocess.Popen[str]:
        package = str(Path(__file__).resolve().parents[2])
        paths = [package, *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = dict(os.environ, PYTHONPATH=os.pathsep.join(paths), OMP_NUM_THREADS="1")
        with self._lock:
            if self.stopped:
                raise RuntimeError("stopped")
            process = subprocess.Popen(
                [sys.executable, "-m", "sdc_lib.video.isolate", *self._arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=environment,
                text=True,
                start_new_session=True,  # an interrupt at the terminal is the parent's to handle
            )
            self._process = process
        ready, _ = _ask(process, "", _START_SECONDS)
        if ready.strip() != "ready":
            code = _end(process)
            why = ready.strip() or describe_exit(code)
            raise RuntimeError(f"cannot start a process for {self._arguments[0]}: {why}")
        return process


def _ask(process: subprocess.Popen[str], message: str, timeout: float) -> tuple[str, bool]:
    """Send a line and wait for the answer, empty if there is none; whether time ran out."""
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("the child process has no pipes")
    killed = threading.Event()

    def kill() -> None:
        killed.set()
        process.kill()

    timer = threading.Timer(timeout, kill)
    timer.start()
    try:
        process.stdin.write(f"{message}\n")
        process.stdin.flush()
        line = process.stdout.readline()
    except BrokenPipeError:
        line = ""
    finally:
        timer.cancel()
    return line, killed.is_set()


def _end(process: subprocess.Popen[str]) -> int:
    """Wait for a process that is ending, close its pipes, return its exit status."""
    code = process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with contextlib.suppress(OSError, ValueError):
                pipe.close()
    return code


def _main(task: str, timeout: float, memory_gb: float) -> None:
    """The child: answer every line on standard input with one on what was standard output."""
    answers = os.fdopen(os.dup(1), "w")
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)  # decoders may print
    _limit_memory(memory_gb)
    sys.stdin.readline()
    try:
        module, _, name = task.partition(":")
        function = getattr(importlib.import_module(module), name)
    except Exception as error:
        print(type_and_first_line(error), file=answers, flush=True)
        sys.exit(1)
    print("ready", file=answers, flush=True)
    for line in sys.stdin:
        if hasattr(signal, "alarm"):  # ends this process even when its parent is gone
            signal.alarm(int(timeout) + 30)
        try:
            answer = {"result": function(**json.loads(line))}
        except Exception as error:
            # errors of this library carry the cause without the path
            answer = {"cause": getattr(error, "cause", type_and_first_line(error))}
        print(json.dumps(answer), file=answers, flush=True)


def _limit_memory(gigabytes: float) -> None:
    if sys.platform == "linux":
        import resource

        limit = int(gigabytes * 2**30)
        hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
        if hard == resource.RLIM_INFINITY or limit <= hard:
            resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))


if __name__ == "__main__":
    _main(sys.argv[1], float(sys.argv[2]), float(sys.argv[3]))
