"""examples/channels, run as its README runs it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

RESTOCK = Path(__file__).parents[2] / "examples" / "channels" / "restock.py"
LIMIT = 120


def test_one_campaign_goes_over_whatsapp_and_web_push_and_is_reported(tmp_path):
    done = subprocess.run(
        [sys.executable, str(RESTOCK)], cwd=tmp_path, capture_output=True, text=True, timeout=LIMIT, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    said = [line.strip() for line in done.stdout.splitlines()]
    assert {"ada whatsapp phone read", "bob whatsapp phone delivered", "carol push webpush delivered"} <= set(said)
    assert any(line.startswith("dan") and "no_address" in line for line in said)
    counted = {(cells[1], cells[-2]) for line in said if (cells := line.replace("│", " │ ").split()) and len(cells) > 3}
    assert {("sent", "3"), ("delivered", "3"), ("read", "1"), ("clicked", "1")} <= counted
