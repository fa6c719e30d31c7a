"""The folders under examples/ that have tests of their own, run as a reader would."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
LIMIT = 240


@pytest.mark.parametrize(("name", "count"), [("campaigns", 14), ("two_engines", 3), ("stack", 3)])
def test_the_tests_of_an_example_pass(tmp_path, name, count):
    folder = shutil.copytree(EXAMPLES / name, tmp_path / name)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q"], cwd=folder, capture_output=True, text=True, timeout=LIMIT, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{count} passed" in done.stdout
