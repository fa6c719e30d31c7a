"""The suites of a plugin, run by pytest in a process of its own, for so long and no longer."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any

import attrs

from crmcore.errors import MissingExtra
from crmcore.vetting.candidate import Candidate
from crmcore.vetting.verdict import Proof

Progress = Callable[[int, int], None]
PLUGIN, FILE = "crmcore.testing.verdicts", "CRM_VERDICTS"
#: Seconds between two looks at what is known; seconds for what was interrupted to tidy up.
PAUSE, GRACE = 0.2, 10.0
#: pytest's codes for tests that passed, that failed, that could not be collected, and of which there were none.
USUAL = frozenset({0, 1, 2, 5})


@attrs.frozen(kw_only=True)
class Proofs:
    """What became of the checks, and what kept some from being run."""

    proofs: tuple[Proof, ...] = ()
    broken: tuple[str, ...] = ()


def tests_of(folder: Path) -> Path:
    """Return where the tests of a distribution are."""
    return folder / "tests" if (folder / "tests").is_dir() else folder


def environment_of(candidate: Candidate) -> dict[str, str]:
    """Return the environment of a process that imports the plugin."""
    paths = [str(candidate.sources or ""), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}


def prove(candidate: Candidate, folder: Path, limit: float, progress: Progress) -> Proofs:
    """Run the suites; raise MissingExtra where pytest and Hypothesis are not installed."""
    if find_spec("pytest") is None or find_spec("hypothesis") is None:
        raise MissingExtra(what="the suites", extra="testing")
    with tempfile.TemporaryDirectory() as place:
        lines, said = Path(place) / "verdicts", Path(place) / "said"
        with said.open("wb") as output, _running(candidate, folder, lines, output) as process:
            in_time = _watched(process, lines, limit, progress)
            during = _during(list(_read(lines)))
        ending = _ending(process, said, limit, in_time=in_time)
        return _proofs(list(_read(lines)), [f"{one}{during}" for one in ending])


@contextmanager
def _running(candidate: Candidate, folder: Path, lines: Path, output: IO[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    quiet = ("-q", "--no-header", "--continue-on-collection-errors", "-p", "no:cacheprovider", "-p", "no:randomly")
    command = [sys.executable, "-m", "pytest", *quiet, "-p", PLUGIN, str(tests_of(folder))]
    environment = {**environment_of(candidate), FILE: str(lines)}
    process = subprocess.Popen(  # noqa: S603 - pytest, on the folder that was named
        command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output
    )
    try:
        yield process
    finally:
        _end(process)


def _watched(process: subprocess.Popen[bytes], lines: Path, limit: float, progress: Progress) -> bool:
    """Tell how far it is until it ends; return whether that was in time."""
    for _ in range(round(limit / PAUSE)):
        try:
            process.wait(PAUSE)
        except subprocess.TimeoutExpired:
            progress(*_far(list(_read(lines))))
        else:
            return True
    return False


def _end(process: subprocess.Popen[bytes]) -> None:
    """Interrupt what still runs, so that it stops its servers; kill it where it does not end."""
    if process.poll() is not None:
        return
    process.send_signal(signal.SIGINT)
    try:
        process.wait(GRACE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _far(lines: list[Mapping[str, Any]]) -> tuple[int, int]:
    checks = sum(one["kind"] == "check" for one in lines)
    return checks, max([checks, *(one["checks"] for one in lines if one["kind"] == "begun")])


def _during(lines: list[Mapping[str, Any]]) -> str:
    """Return in words which check had begun and not ended; nothing where none had."""
    known = [one for one in lines if one["kind"] in ("started", "ended")]
    return f"; {known[-1]['where']} was running" if known and known[-1]["kind"] == "started" else ""


def _read(lines: Path) -> Iterator[Mapping[str, Any]]:
    """Yield what is written so far; the last line may not be whole yet."""
    if lines.exists():
        for line in lines.read_text(encoding="utf-8").splitlines(keepends=True):
            if line.endswith("\n"):
                yield json.loads(line)


def _ending(process: subprocess.Popen[bytes], said: Path, limit: float, *, in_time: bool) -> list[str]:
    if not in_time:
        return [f"they had not ended after {limit:g} s, and were stopped; --timeout gives them longer"]
    if process.returncode in USUAL:
        return []
    last = said.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-3:]
    return [f"pytest ended with {process.returncode}: {' '.join(last)}"]


def _proofs(lines: list[Mapping[str, Any]], ending: list[str]) -> Proofs:
    checks = [_proof(one) for one in lines if one["kind"] == "check"]
    broken = [f"{one['where']} cannot be collected: {one['said']}" for one in lines if one["kind"] == "broken"]
    return Proofs(proofs=tuple(checks), broken=(*broken, *(ending or _unfinished(lines))))


def _unfinished(lines: list[Mapping[str, Any]]) -> Iterator[str]:
    """Yield how far it came where the process ended as if all were well: what is not run proves nothing."""
    done, wanted = _far(lines)
    if done < wanted:
        yield f"pytest ended when {done} of {wanted} checks had been run"


def _proof(line: Mapping[str, Any]) -> Proof:
    fields = {name: value for name, value in line.items() if name not in ("kind", "objects")}
    return Proof(**fields, objects=tuple(line["objects"]))
