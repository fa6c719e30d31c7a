"""`crm work`: several processes beside one another, and an end in order when somebody asks for it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading

import pytest

from crmcore import CRM
from crmcore.cli.working import HEARD, stopping, waiting
from crmcore.model.building import everyone
from crmcore.model.campaign import Campaign
from crmcore.model.time import MINUTE, SECOND
from crmcore.testing.clock import TurnedClock
from crmcore.testing.smtp_sink import Sink

RUN = "from crmcore.cli import main; main()"


@pytest.fixture
def folder(tmp_path):
    return tmp_path


def launched(folder, port, count):
    """A shop whose campaign waits to be sent to a sink."""
    email = f'sender = "Shop <shop@example.com>"\n[channels.email.smtp]\nhost = "127.0.0.1"\nport = {port}\n'
    (folder / "crm.toml").write_text(f'database = "{folder}/shop.db"\n[channels.email]\n{email}')
    with CRM(config=folder / "crm.toml") as crm:
        crm.identify_many({"customer": f"{n}", "attributes": {"email": f"{n}@example.com"}} for n in range(count))
        crm.save_template("hello", "email", {"subject": "Hello", "text": "Hello {{ links.unsubscribe }}"})
        crm.launch(Campaign(name="hello", purpose="service", audience=everyone(), channel="email", template="hello"))


def command(*words):
    return [sys.executable, "-c", RUN, *words]


def test_processes_beside_one_another_send_everything_once(folder):
    with Sink() as sink:
        launched(folder, sink.port, 120)
        said = subprocess.run(
            command("--json", "work", "--processes", "2"),
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
    assert json.loads(said.stdout)["deliveries"] == 120
    assert sorted(mail.recipient for mail in sink.mails) == sorted(f"{n}@example.com" for n in range(120))


def test_sigterm_finishes_the_window_and_leaves_nothing_in_doubt(folder):
    reached, go_on = threading.Event(), threading.Event()

    def wait_once(stage, _recipient):
        if stage == "dot" and not reached.is_set():
            reached.set()
            go_on.wait(30)

    with Sink(wait_once) as sink:
        launched(folder, sink.port, 120)
        with subprocess.Popen(command("--json", "work"), cwd=folder, stdout=subprocess.PIPE, text=True) as worker:
            assert reached.wait(30)
            worker.send_signal(signal.SIGTERM)
            go_on.set()
            worker.communicate(timeout=60)
        assert worker.returncode == 0
        with CRM(config=folder / "crm.toml") as crm:
            report = crm.report("hello")
            claimed = crm.deliveries("hello", "claimed")
    assert (report.sent, report.waiting, report.in_doubt) == (50, 70, 0)
    assert claimed == []
    assert len(sink.mails) == 50


def test_who_asks_once_is_heard_and_who_presses_ctrl_c_twice_stops_at_once():
    with stopping() as stop:
        assert not stop()
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize("processes", ["1", "2"])
def test_what_could_not_go_is_said_and_the_exit_code_tells(folder, processes):
    launched(folder, 25, 1)
    (folder / "crm.toml").write_text(f'database = "{folder}/shop.db"\n')
    done = subprocess.run(
        command("work", "--processes", processes), cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert "Campaign hello waits: Setting 'sender' from [channels.email] is not valid" in done.stdout
    assert "Traceback" not in done.stderr


# -- waiting --------------------------------------------------------------------------------------------------------------


class Sleeper:
    """A clock that goes on by what is slept."""

    def __init__(self):
        self.clock, self.naps, self.is_asked_to_stop = TurnedClock(0), [], False

    def sleep(self, seconds):
        self.naps.append(seconds)
        self.clock._at += round(seconds * SECOND)

    def waiting(self, patience):
        return waiting(patience, self.clock.now, lambda: self.is_asked_to_stop, self.sleep)


@pytest.fixture
def sleeper():
    return Sleeper()


@pytest.mark.parametrize("opens_at", [1, SECOND // 20, SECOND, MINUTE])
def test_what_opens_in_time_is_waited_for_and_no_longer_than_must_be(sleeper, opens_at):
    assert sleeper.waiting(MINUTE)(opens_at)
    assert opens_at <= sleeper.clock.now() <= opens_at + SECOND // 100
    assert max(sleeper.naps) <= HEARD


@pytest.mark.parametrize(("patience", "opens_at"), [(0, 0), (0, 1), (MINUTE, MINUTE + 1)])
def test_who_has_no_patience_goes_at_once(sleeper, patience, opens_at):
    assert not sleeper.waiting(patience)(opens_at)
    assert sleeper.naps == []


def test_a_clock_that_stands_still_is_not_waited_for():
    assert not waiting(MINUTE, lambda: 0, lambda: False, lambda _: None)(SECOND)


def test_who_is_asked_to_stop_sleeps_no_longer(sleeper):
    wait = sleeper.waiting(MINUTE)
    sleeper.is_asked_to_stop = True
    assert not wait(SECOND)
    assert sleeper.naps == []


@pytest.mark.parametrize("processes", ["1", "2"])
def test_what_a_limit_holds_back_for_a_moment_goes_while_work_waits(folder, processes):
    with Sink() as sink:
        launched(folder, sink.port, 12)
        with (folder / "crm.toml").open("a") as settings:
            settings.write("[limits]\nworkspace = { count = 100, per = 1, burst = 5 }\n")
        words = ("--json", "work", "--wait", "5s", "--processes", processes)
        said = subprocess.run(command(*words), cwd=folder, capture_output=True, text=True, timeout=60, check=True)
    assert json.loads(said.stdout)["sent"] == len(sink.mails) == 12


def test_a_time_that_is_none_is_refused(folder):
    words = command("work", "--wait", "soon")
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "'soon' is no duration" in done.stderr
