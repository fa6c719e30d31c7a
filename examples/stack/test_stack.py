"""The stack stands; without one of its parts the rest does."""

import json
import shutil
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from stack import run

HERE = Path(__file__).parent


@pytest.fixture
def config(tmp_path, monkeypatch):
    for name in ("crm.toml", "relay-secret"):
        shutil.copy(HERE / name, tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "crm.toml"


@pytest.fixture
def told(config):
    """What the other system is told, by kind."""
    kinds = []

    class Told(BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            kinds.extend(one["kind"] for one in body["notices"])
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Told)
    config.write_text(config.read_text().replace("8765", str(server.server_port)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield kinds
    server.shutdown()
    thread.join()
    server.server_close()


def doctor(config):
    words = [Path(sys.executable).with_name("crm"), "--config", str(config), "--json", "doctor"]
    return json.loads(subprocess.run(words, capture_output=True, text=True, check=False).stdout)


def test_a_complaint_opens_a_case_sends_a_mail_and_is_told_to_others(config, told, tmp_path):
    names = run(config)
    assert {"case_opened", "message_sent", "complaint_raised"} <= set(names)
    assert len(list((tmp_path / "mails").rglob("*.eml"))) == 1
    assert {"event_tracked", "customer_changed", "campaign_changed"} <= set(told)


@pytest.mark.usefixtures("told")
def test_a_part_that_is_not_there_is_told_and_nothing_else_stops(config):
    config.write_text(config.read_text() + "\n[modules.loyalty]\n\n[channels.pigeon]\n")
    assert "case_opened" in run(config)
    problems = [one["problem"] for one in doctor(config)["faults"]]
    assert any("no module 'loyalty'" in one for one in problems)
    assert any("no channel 'pigeon'" in one for one in problems)


def test_a_part_that_is_set_wrongly_is_told_and_nothing_else_stops(config):
    config.write_text(config.read_text().replace("url = ", "urls = "))
    assert "case_opened" in run(config)
    [problem] = [one["problem"] for one in doctor(config)["faults"]]
    assert "modules.relay.urls" in problem
