"""Spans of OpenTelemetry, where its API is installed (`crmcore[otel]`); where it is not there is nothing to pay.

What a span says is a method, a host, a status, names and numbers: no path, query, header or body, no address, and of an
error its kind alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from importlib.metadata import version
from typing import Any, Literal

Told = str | int
Tell = Callable[[str, Told], object]


def is_on() -> bool:
    """Tell whether there is anything to give spans to."""
    return _trace() is not None


@contextmanager
def span(name: str, kind: Literal["INTERNAL", "CLIENT"], said: Mapping[str, Told]) -> Iterator[Tell]:
    """Open a span below the one that is open here, and yield what tells it more; an exception makes it one that failed."""
    trace = _trace()
    if trace is None:
        yield _nobody
        return
    quiet = {"record_exception": False, "set_status_on_exception": False}
    with _tracer(trace).start_as_current_span(name, kind=trace.SpanKind[kind], attributes=dict(said), **quiet) as made:
        try:
            yield made.set_attribute
        except BaseException as error:
            made.set_attribute("error.type", type(error).__name__)
            made.set_status(trace.StatusCode.ERROR)
            raise


def _nobody(_name: str, _value: Told) -> None:
    """Tell nobody."""


@cache
def _tracer(trace: Any) -> Any:
    return trace.get_tracer("crmcore", version("crmcore"))


@cache
def _trace() -> Any:
    try:
        from opentelemetry import trace
    except ImportError:
        return None
    return trace
