"""Peers in environments of their own, made once by a script's `--prepare`: pinned, and apart from one another."""

from __future__ import annotations

import subprocess
import venv
from collections.abc import Mapping, Sequence
from pathlib import Path

HERE = Path(__file__).parent
ENVIRONMENTS = HERE / ".peer"
Pins = Mapping[str, Sequence[str]]


def prepare(pins: Pins) -> None:
    """Make the environment of each peer named; raise CalledProcessError where one cannot be installed."""
    for name, packages in pins.items():
        venv.create(ENVIRONMENTS / name, with_pip=True)
        subprocess.run([_python(name), "-m", "pip", "install", "-q", *packages], check=True)


def require(pins: Pins, script: str) -> None:
    """Leave with what to do where a peer is not there yet."""
    missing = [name for name in pins if not _python(name).exists()]
    if missing:
        raise SystemExit(f"Not there yet: {', '.join(missing)}; run: python benchmarks/{script} --prepare")


def run(name: str, *arguments: object) -> float:
    """Run `peers/run_NAME.py` with arguments; return the seconds that it prints last."""
    command = [str(one) for one in (_python(name), HERE / "peers" / f"run_{name}.py", *arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{name} failed:\n{done.stderr}")
    return float(done.stdout.split()[-1])


def _python(name: str) -> Path:
    return ENVIRONMENTS / name / "bin" / "python"
