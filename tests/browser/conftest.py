"""One Firefox, and one push service, for all tests here."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from crmcore.testing.standins import certificates
from crmcore.testing.standins.certificates import Authority
from tests.browser import firefox
from tests.browser.loop import Run, entered, loop_in_thread
from tests.browser.push_service import BrowsersPushService
from tests.browser.serving import served
from tests.browser.windows import Browser, connected

NONE_FOUND = "There is no Firefox here. On Debian: apt-get install firefox-esr (.ci/run does it)."


@pytest.fixture(scope="package")
def program() -> str:
    return firefox.find() or pytest.skip(NONE_FOUND)


@pytest.fixture(scope="package")
def run(program: str) -> Iterator[Run]:
    with loop_in_thread() as run:
        yield run


@pytest.fixture(scope="package")
def authority(program: str) -> Iterator[Authority]:
    with certificates.authority() as authority:
        yield authority


@pytest.fixture(scope="package")
def push_service(run: Run, authority: Authority) -> Iterator[BrowsersPushService]:
    """Endpoints are https, as everywhere; Firefox itself is told of a service without TLS, whose CA it would not know."""
    service = BrowsersPushService()
    with entered(run, served(service.for_senders(), authority.server_context("http/1.1"))) as service.pushes.origin:
        yield service


@pytest.fixture(scope="package")
def browser(
    program: str, run: Run, push_service: BrowsersPushService, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Browser]:
    profile = tmp_path_factory.mktemp("firefox") / "profile"
    with (
        entered(run, served(push_service.for_browsers())) as origin,
        firefox.running(program, profile, origin.replace("http", "ws") + "/") as endpoint,
        entered(run, connected(endpoint)) as bidi,
    ):
        yield Browser(run=run, bidi=bidi)
