"""What the suites notice beside a plugin's task."""

from __future__ import annotations

import base64
import logging
import socket
import sys
import time
from contextlib import suppress

import pytest

from crmcore.hooks.channel import Draft
from crmcore.model.identity import Identity
from crmcore.model.template import Template
from crmcore.testing.fakes import Notes
from crmcore.testing.watching import forms_of, much_later, no_sockets, shown, told, watched, within


def test_a_socket_is_noticed_even_where_its_failure_is_swallowed():
    with pytest.raises(AssertionError, match=rf"{__name__}.*socket"), no_sockets(), suppress(OSError):
        socket.create_connection(("127.0.0.1", 9))


def test_a_name_looked_up_is_noticed():
    with pytest.raises(AssertionError, match="looked up"), no_sockets(), suppress(OSError):
        socket.getaddrinfo("example.com", 80)


def test_where_nothing_is_opened_nothing_is_said():
    with no_sockets():
        pass
    socket.socket().close()


def test_a_note_is_rendered_without_a_socket():
    channel = Notes()
    draft = Draft(delivery_id=1, address=Identity("email", "a@b.co"), context={}, message_key="k", at=0)
    with no_sockets():
        made = channel.compile(Template(name="t", channel="note", parts={"text": "Hello"}))
        assert [one.body for one in channel.render(made, [draft])] == [b"Hello"]


def test_a_package_s_sleep_is_noted_and_not_slept():
    with watched(__name__) as watch:
        time.sleep(3600)
    assert watch.slept == [f"{__name__} slept for 3600 s"]


def test_another_s_sleep_is_slept_and_not_noted():
    with watched("somebody.else") as watch:
        time.sleep(0)
    assert watch.slept == []


def test_all_that_is_said_is_heard():
    with watched(__name__) as watch:
        logging.getLogger("some.where").debug("one")
        sys.stdout.write("two ")
        sys.stderr.write("three ")
    assert {"one", "two", "three"} <= set(watch.said().split())


@pytest.mark.parametrize("before", ["", "a", "ab", "abc"])
@pytest.mark.parametrize("after", ["", "x", "xy"])
def test_a_secret_is_found_wherever_it_stands_in_base64(before, after):
    said = base64.b64encode(f"{before}hush-4711{after}".encode()).decode()
    assert shown(["hush-4711"], f"AUTH PLAIN {said}") == ["hush-4711"]
    assert shown(["another-secret"], f"AUTH PLAIN {said}") == []


@pytest.mark.parametrize("said", ["p%C3%A4ss%2Fw", "päss/w", "päss/w".encode().hex()])
def test_a_secret_is_found_quoted_and_in_hexadecimal(said):
    assert shown(["päss/w"], said) == ["päss/w"]


def test_no_form_of_a_short_secret_is_found_everywhere():
    assert all(forms_of("a"))
    assert shown(["a"], "bcd") == []


def test_an_error_is_shown_with_what_it_came_from():
    error = KeyError("outer")
    error.__cause__ = ValueError("inner")
    assert "inner" in told(error)
    assert "outer" in told(error)
    assert told(None) == ""


def test_what_does_not_end_in_time_is_left():
    assert within(5, lambda: None)
    assert not within(0, lambda: time.sleep(0.05))


def test_the_clock_can_be_ahead_for_a_while():
    now = time.time()
    with much_later(3600):
        assert time.time() >= now + 3600
        assert time.time_ns() >= (now + 3600) * 10**9
    assert time.time() < now + 3600
