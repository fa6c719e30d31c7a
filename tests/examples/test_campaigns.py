"""The campaigns under examples/ and the tests that stand beside them, run as a reader would."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

CAMPAIGNS = Path(__file__).parents[2] / "examples" / "campaigns"
LIMIT = 240


def test_the_tests_beside_the_campaigns_pass(tmp_path):
    folder = shutil.copytree(CAMPAIGNS, tmp_path / "campaigns")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q"], cwd=folder, capture_output=True, text=True, timeout=LIMIT, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "14 passed" in done.stdout
