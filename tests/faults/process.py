"""A worker process, held by its handle: started, let go, stopped, killed. All waits are bounded."""

from __future__ import annotations

import multiprocessing
import os
import re
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from tests.faults.worker import Job, work

#: Seconds a worker may take for whatever it is asked.
PATIENCE = 90.0
#: Seconds between two looks at a worker.
PAUSE = 0.02
#: Workers are forked off a process without threads that has imported all this already: each starts in no time.
_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(
    ["__main__", "tests.faults.worker", "crmcore.campaigning", "crmcore.loader", "crm_email.channel", "crm_email.smtp"]
)
#: As the last line of a traceback begins.
_ERROR = re.compile(r"[\w.]*[A-Z][a-z]\w*(: |$)")


class Worker:
    """One worker, in a process group of its own."""

    def __init__(self, process: ForkServerProcess, line: Connection, folder: Path) -> None:
        self._process, self._line, self._folder = process, line, folder
        self._lock = (
            threading.Lock()
        )  # a sink's thread kills while the driver's waits, and only one may ask how it ended
        self.is_killed = False

    def ready(self) -> None:
        """Wait until it stands before its work, or has ended."""
        assert self._line.poll(PATIENCE), "the worker does not start"

    def go(self) -> None:
        """Let it work, if it has come so far."""
        with suppress(OSError):
            self._line.send("go")

    def finish(self) -> None:
        """Let one that works for ever end after what it is at."""
        self.go()

    def kill(self) -> None:
        """End it as a crash does, wherever it is."""
        self.is_killed = self._send(signal.SIGKILL)

    def kill_after(self, seconds: float) -> bool:
        """End it so many seconds from now; tell whether it was still there."""
        if self.runs(seconds):
            self.kill()
        return self.is_killed

    def pause(self) -> None:
        """Let it stand still, as a machine that swaps or a container that is frozen does."""
        self._send(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self._send(signal.SIGCONT)

    def runs(self, seconds: float = 0.0) -> bool:
        """Tell whether it still runs after so many seconds."""
        with self._lock:
            self._process.join(seconds)
            return self._process.is_alive()

    def exit_code(self, meanwhile: Callable[[], object] = lambda: None, patience: float = PATIENCE) -> int | None:
        """Wait until it has ended, doing something meanwhile; None where it never does."""
        end = time.monotonic() + patience
        while self.runs(PAUSE):
            if time.monotonic() > end:
                return None
            meanwhile()
        return self._process.exitcode

    def complaint(self) -> str:
        """Return the last error it wrote down, in one line, or nothing."""
        said = self._folder / "stderr"
        lines = said.read_text(errors="replace").splitlines() if said.exists() else []
        return next((line for line in reversed(lines) if _ERROR.match(line)), "")

    def _send(self, number: int) -> bool:
        with self._lock:
            if not self._process.is_alive():
                return False
            assert self._process.pid is not None
            os.kill(self._process.pid, number)
            return True


@contextmanager
def started(job: Job) -> Iterator[Worker]:
    """Start a worker; it is gone when this is left."""
    mine, its = _FORKS.Pipe()
    with tempfile.TemporaryDirectory(prefix="crm-worker-") as name, mine:
        process = _FORKS.Process(target=work, args=(job, its, Path(name)), daemon=True)
        process.start()
        its.close()
        worker = Worker(process, mine, Path(name))
        try:
            yield worker
        finally:
            worker.resume()
            worker.kill()
            process.join(PATIENCE)
            process.close()
