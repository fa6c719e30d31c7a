"""Batches and requests are spans where OpenTelemetry is installed; what they say holds no secret and nobody's address."""

from __future__ import annotations

import types
from contextlib import contextmanager

import pytest

from crmcore.http import spans
from crmcore.testing.http_sink import HttpSink
from tests.flow.test_campaign import made, people
from tests.http.posting import Poster, kinds, opened, send


class Tracer:
    """The little of OpenTelemetry's API that is called, which notes what it is told."""

    def __init__(self) -> None:
        self.ended: list[tuple[str, str, dict]] = []

    @contextmanager
    def start_as_current_span(self, name, *, kind, attributes, record_exception, set_status_on_exception):
        assert not record_exception
        assert not set_status_on_exception
        try:
            yield types.SimpleNamespace(
                set_attribute=attributes.__setitem__, set_status=lambda one: attributes.update(status=one)
            )
        finally:
            self.ended.append((name, kind, attributes))


@pytest.fixture
def tracer(monkeypatch):
    made = Tracer()
    trace = types.ModuleType("trace")
    trace.get_tracer = lambda *_: made
    trace.SpanKind = {"INTERNAL": "internal", "CLIENT": "client"}
    trace.StatusCode = types.SimpleNamespace(ERROR="error")
    monkeypatch.setattr(spans, "_trace", lambda: trace)
    return made


def test_a_request_is_a_span_that_says_no_more_than_host_and_status(tracer):
    with HttpSink() as sink, opened(Poster(f"http://127.0.0.1:{sink.port}/secret-path?token=secret")) as session:
        assert kinds(send(session, 1)) == ["Accepted"]
    told = {"http.request.method": "POST", "server.address": "127.0.0.1", "http.response.status_code": 200}
    assert tracer.ended == [("POST", "client", told)]


def test_of_a_request_without_an_answer_the_kind_of_error_is_told(tracer):
    with opened(Poster("http://127.0.0.1:1/secret-path")) as session:
        assert kinds(send(session, 1)) == ["NotStarted"]
    [(_, _, told)] = tracer.ended
    assert (told["error.type"], told["status"]) == ("Unreachable", "error")
    assert "secret" not in str(told)


def test_a_batch_is_a_span_that_names_nobody(tracer, crm):
    people(crm, 3)
    crm.launch(made())
    crm.work()
    told = {"crmcore.campaign": "hello", "crmcore.channel": "note", "crmcore.provider": "recorder"}
    assert tracer.ended == [("crmcore send", "internal", told | {"messaging.batch.message_count": 3})]


def test_without_the_package_there_is_nothing_to_tell(monkeypatch):
    monkeypatch.setattr(spans, "_trace", lambda: None)
    with spans.span("name", "INTERNAL", {}) as tell:
        assert tell("a", 1) is None


def test_the_api_itself_takes_what_it_is_told():
    sdk = pytest.importorskip("opentelemetry.sdk.trace", reason="opentelemetry-sdk is not installed")
    export = pytest.importorskip("opentelemetry.sdk.trace.export")
    memory = pytest.importorskip("opentelemetry.sdk.trace.export.in_memory_span_exporter").InMemorySpanExporter()
    provider = sdk.TracerProvider()
    provider.add_span_processor(export.SimpleSpanProcessor(memory))
    pytest.importorskip("opentelemetry.trace").set_tracer_provider(provider)
    with (
        HttpSink() as sink,
        opened(Poster(f"http://127.0.0.1:{sink.port}/messages")) as session,
        spans.span("crmcore send", "INTERNAL", {"crmcore.channel": "note"}),
    ):
        send(session, 1)
    request, batch = memory.get_finished_spans()
    assert (batch.name, request.name) == ("crmcore send", "POST")
    assert request.parent.span_id == batch.context.span_id
    assert request.attributes["http.response.status_code"] == 200
