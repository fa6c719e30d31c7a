"""A Firefox without a screen, with a profile of its own, that talks to nobody but loopback."""

from __future__ import annotations

import json
import os
import queue
import shutil
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from tests.browser.loop import PATIENCE

LISTENING = "WebDriver BiDi listening on "

#: System access is for the windows that are the browser's own: the notifications.
OPTIONS = ("--headless", "--no-remote", "--remote-debugging-port=0", "--remote-allow-system-access")

#: A browser under remote control switches off most of what would call home by itself; the rest is here.
PREFERENCES: Mapping[str, bool | int | str] = {
    "alerts.useSystemBackend": False,  # Firefox's own notification windows: there is no desktop here to show others
    "app.update.disabledForTesting": True,
    "browser.safebrowsing.downloads.enabled": False,
    "browser.safebrowsing.malware.enabled": False,
    "browser.safebrowsing.phishing.enabled": False,
    "browser.chrome.site_icons": False,  # nobody asks for /favicon.ico
    "browser.search.update": False,
    "datareporting.healthreport.uploadEnabled": False,
    "dom.push.connection.enabled": True,
    "dom.push.retryBaseInterval": 50,  # milliseconds, doubled each time: back soon after a connection is lost
    "dom.push.testing.allowInsecureServerURL": True,
    "extensions.getAddons.cache.enabled": False,
    "extensions.update.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "network.proxy.type": 1,  # whatever is not on loopback goes to a proxy that is not there
    "network.proxy.http": "127.0.0.1",
    "network.proxy.http_port": 9,
    "network.proxy.ssl": "127.0.0.1",
    "network.proxy.ssl_port": 9,
    "services.settings.server": "data:,#remote-settings-dummy/v1",
    "toolkit.telemetry.server": "",
}


def find() -> str | None:
    """Return the path of a Firefox, None where there is none."""
    return shutil.which("firefox-esr") or shutil.which("firefox")


@contextmanager
def running(program: str, profile: Path, push_service: str) -> Iterator[str]:
    """Start a Firefox that takes its pushes from a service of ours; return the URL of its BiDi endpoint."""
    profile.mkdir()
    _write_preferences(profile, {**PREFERENCES, "dom.push.serverURL": push_service})
    process = subprocess.Popen(
        [program, *OPTIONS, "--profile", str(profile), "about:blank"],
        # It would not start for root in a home of somebody else, and need not write into anybody's.
        env={**os.environ, "HOME": str(profile), "MOZ_CRASHREPORTER_DISABLE": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    endpoint: queue.SimpleQueue[str] = queue.SimpleQueue()
    reading = threading.Thread(target=_read, args=(process.stderr, endpoint), daemon=True)
    reading.start()
    try:
        yield endpoint.get(timeout=PATIENCE)
    finally:
        process.terminate()
        process.wait(PATIENCE)
        reading.join(PATIENCE)


def _write_preferences(profile: Path, preferences: Mapping[str, bool | int | str]) -> None:
    lines = (f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in preferences.items())
    (profile / "user.js").write_text("".join(lines))


def _read(said: IO[str], endpoint: queue.SimpleQueue[str]) -> None:
    """Find in what the browser says where it listens, and go on reading, so that it never waits for a reader."""
    with said:
        for line in said:
            if line.startswith(LISTENING):
                endpoint.put(line.removeprefix(LISTENING).strip() + "/session")
