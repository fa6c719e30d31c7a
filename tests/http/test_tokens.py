"""A carrier that needs a token is given one before its messages go."""

from __future__ import annotations

import attrs
import pytest

from crmcore.errors import SettingsError
from crmcore.hooks.provider import HttpRequest
from crmcore.testing.http_sink import Answer, HttpSink
from crmcore.testing.loopback import Drop
from tests.http.posting import Poster, kinds, opened, send, url
from tests.http.two_sink import TwoSink


class Authorised(Poster):
    """It asks for a token once, at another path."""

    def __init__(self, to, tokens, **carriage):
        super().__init__(to, **carriage)
        self._tokens, self._token, self.asked = tokens, None, 0

    def token_request(self, now):
        self.asked += 1
        return (
            None if self._token else HttpRequest(method="POST", url=self._tokens, headers={"Idempotency-Key": "token"})
        )

    def take_token(self, response, now):
        if response.status != 200:
            return f"refused with {response.status}"
        self._token = "hush-5"
        return ""

    def build_request(self, batch, now):
        made = super().build_request(batch, now)
        return attrs.evolve(made, headers={**made.headers, "Authorization": f"Bearer {self._token}"})


@pytest.mark.parametrize(("kind", "protocol"), [(HttpSink, "http/1.1"), (TwoSink, "h2")])
def test_a_token_is_asked_for_once_while_it_lasts(kind, protocol):
    sink, tokens = kind(), HttpSink()
    with sink, tokens, opened(Authorised(url(sink), url(tokens), protocol=protocol)) as session:
        assert [kinds(send(session)) for _ in range(3)] == [["Accepted"] * 3] * 3
    assert len(tokens.posts) == 1
    assert len(sink.posts) == 9


@pytest.mark.parametrize(
    ("what", "kind"),
    [
        (Answer(status=400), "Permanent"),
        (Answer(status=401), "Permanent"),
        (Answer(status=429), "NotStarted"),
        (Answer(status=503), "NotStarted"),
        (Drop(), "NotStarted"),
    ],
)
def test_without_a_token_nothing_leaves(what, kind):
    sink, tokens = HttpSink(), HttpSink(lambda stage, _: what if stage == "body" else None)
    with sink, tokens, opened(Authorised(url(sink), url(tokens))) as session:
        results = send(session)
    assert kinds(results) == [kind] * 3
    assert all(one.fault == "sender" for one in results if kind == "Permanent")
    assert sink.posts == []


def test_where_no_token_can_be_reached_nothing_has_started():
    with HttpSink() as tokens:
        pass
    with HttpSink() as sink, opened(Authorised(url(sink), url(tokens))) as session:
        assert kinds(send(session)) == ["NotStarted"] * 3


class Cracked(Authorised):
    """It can ask once, and then no more."""

    def token_request(self, now):
        if self.asked:
            raise ValueError("hush-6")
        return super().token_request(now)


def test_a_provider_that_fails_to_ask_is_its_sender_s_fault(caplog):
    with HttpSink() as sink, opened(Cracked(url(sink), "")) as session:
        assert kinds(send(session)) == ["Permanent"] * 3
    assert "hush" not in caplog.text


def test_a_provider_that_lacks_a_setting_says_so_when_it_is_opened():
    class Lacking(Authorised):
        def token_request(self, now):
            raise SettingsError(key="token", place="[channels.note.http]", problem="the environment has no TOKEN")

    with pytest.raises(SettingsError, match="the environment has no TOKEN"), opened(Lacking("", "")):
        """It is not."""
