"""`import crmcore` beside `import sqlalchemy` alone: each in fresh interpreters, interleaved."""

from __future__ import annotations

import os
import subprocess
import sys

from measuring import arguments, report, rounds

HEAVY = ("alembic", "scipy", "implicit", "jinja2", "aiohttp", "numpy", "click", "rich")
TIMED = "import time; start = time.perf_counter(); import {0}; print(time.perf_counter() - start)"


def seconds(module: str) -> float:
    """Return the seconds an import takes in an interpreter of its own."""
    done = subprocess.run(
        [sys.executable, "-c", TIMED.format(module)], capture_output=True, text=True, check=True, env=environment()
    )
    return float(done.stdout)


def environment() -> dict[str, str]:
    """Return an environment that keeps bytecode, as an installed package has it."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def heavy() -> list[str]:
    """Return the heavy modules that `import crmcore` brings."""
    code = f"import sys, crmcore; print(*[name for name in {HEAVY} if name in sys.modules])"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()


def main() -> None:
    """Measure, and print the figures."""
    given = arguments(__doc__ or "").parse_args()
    if brought := heavy():
        raise SystemExit(f"import crmcore brings {', '.join(brought)}")
    seconds("crmcore")
    mine, theirs = rounds(max(given.rounds, 9), lambda: seconds("crmcore"), lambda: seconds("sqlalchemy"))
    report(
        as_json=given.json,
        name="import_time",
        value=mine * 1000,
        unit="ms",
        against="import sqlalchemy",
        ratio=mine / theirs,
    )


if __name__ == "__main__":
    main()
