"""Run a README command from a bare clone: `python3 run.py demo`, `python3 run.py test`.

It needs only Python 3.11 or newer: it makes `.venv` beside itself, installs the versions pinned in requirements.lock
(every file's hash is checked) and the packages of this repository, and runs the command there. What is installed already
is left as it is.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / ("python.exe" if os.name == "nt" else "python")
LOCK = ROOT / "requirements.lock"
PACKAGES = (".", *sorted(str(one.parent.relative_to(ROOT)) for one in ROOT.glob("plugins/*/pyproject.toml")))
#: What each command needs beside the packages' own dependencies: dependency groups of pyproject.toml.
GROUPS = {"demo": (), "test": ("dev", "docs")}
COMMANDS = {"demo": ("crm", "demo"), "test": ("pytest", "-q", "-n", "auto", "--dist", "loadfile")}
MIN_PYTHON = (3, 11)


def main(arguments: list[str]) -> int:
    """Install what the command needs, and run it."""
    if sys.version_info < MIN_PYTHON:
        return _fail(f"Python 3.11 or newer is needed; this is {sys.version.split()[0]}.")
    if not arguments or arguments[0] not in COMMANDS:
        return _fail(f"usage: python3 run.py {'|'.join(COMMANDS)} [options of the command]")
    name, *rest = arguments
    try:
        _install(GROUPS[name])
        program, *words = COMMANDS[name]
        return subprocess.call([str(BIN / program), *words, *rest], cwd=None if name == "demo" else ROOT)
    except subprocess.CalledProcessError as error:
        return _fail(f"This step failed (exit {error.returncode}): {' '.join(map(str, error.cmd))}")
    except KeyboardInterrupt:
        return _fail("Stopped. The same command goes on from there.")


def _install(groups: tuple[str, ...]) -> None:
    stamp = VENV / f"installed-{'-'.join(groups) or 'run'}"
    wanted = _fingerprint()
    if PYTHON.exists() and stamp.exists() and stamp.read_text() == wanted:
        return
    if not PYTHON.exists():
        _make_venv()
    if not (BIN / "uv").exists():
        _run(*_pip(), "install", "-q", "--require-hashes", "-r", _uv_alone())
    packages = [part for package in PACKAGES for part in ("-e", package)]
    named = [part for group in groups for part in ("--group", group)]
    quick = ("--quiet", "--compile-bytecode", "--python", PYTHON)
    build = ("--build-constraints", LOCK)
    _run(BIN / "uv", "pip", "install", *quick, *build, "-c", LOCK, *packages, *named)
    stamp.write_text(wanted)


def _make_venv() -> None:
    """Make the environment; where the system's Python comes without ensurepip, its own pip installs into it."""
    print("Making .venv ...", file=sys.stderr)
    made = subprocess.run([sys.executable, "-m", "venv", VENV], capture_output=True, text=True, check=False)
    if made.returncode == 0:
        return
    shutil.rmtree(VENV, ignore_errors=True)
    _run(sys.executable, "-m", "venv", "--without-pip", VENV)
    if subprocess.call(
        [sys.executable, "-m", "pip", "--version"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ):
        shutil.rmtree(VENV, ignore_errors=True)
        raise SystemExit(_fail("This Python has neither ensurepip nor pip. On Debian: apt-get install python3-venv"))


def _pip() -> tuple[object, ...]:
    if subprocess.call([PYTHON, "-m", "pip", "--version"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) == 0:
        return (PYTHON, "-m", "pip")
    return (sys.executable, "-m", "pip", "--python", PYTHON)


def _uv_alone() -> Path:
    """Write the lock's lines about uv to a file of their own: pip installs it, and uv everything else."""
    lines = LOCK.read_text().splitlines()
    start = next(index for index, line in enumerate(lines) if line.startswith("uv=="))
    end = next((index for index in range(start + 1, len(lines)) if not lines[index].startswith(" ")), len(lines))
    alone = VENV / "uv.txt"
    alone.write_text("\n".join(lines[start:end]) + "\n")
    return alone


def _fingerprint() -> str:
    files = [LOCK, *(ROOT / package / "pyproject.toml" for package in PACKAGES)]
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


def _run(*command: object) -> None:
    subprocess.run([str(part) for part in command], cwd=ROOT, check=True)


def _fail(message: str) -> int:
    print(message, file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
