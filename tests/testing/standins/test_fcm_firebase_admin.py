"""firebase-admin, Google's own client, works with the stand-in unchanged but for its hosts."""

from __future__ import annotations

from datetime import timedelta

import firebase_admin
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from firebase_admin import credentials, exceptions, messaging
from google.auth.exceptions import RefreshError
from requests.adapters import HTTPAdapter

from crmcore.testing.standins.app import StandIns
from crmcore.testing.standins.fcm import Fcm
from crmcore.testing.standins.oauth import TokenEndpoint
from crmcore.testing.standins.serving import served

ACCOUNT = "sender@shop.iam.gserviceaccount.com"
PHONE = "c2k:APA91b-phone"

#: It would rather have installation ids (fid); registration tokens are what carriers have by now.
pytestmark = pytest.mark.filterwarnings("ignore:Message.token is deprecated:DeprecationWarning")


@pytest.fixture(scope="module")
def key():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def fcm(key):
    return Fcm(endpoint=TokenEndpoint(accounts={ACCOUNT: key.public_key()}))


@pytest.fixture
def server(fcm):
    with served(StandIns(fcm, fcm.endpoint)) as one:
        yield one


def service_account(key, url):
    form = serialization.PrivateFormat.PKCS8
    return {
        "type": "service_account",
        "project_id": "shop",
        "private_key_id": "k1",
        "private_key": key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode(),
        "client_email": ACCOUNT,
        "token_uri": f"{url}/token",
    }


@pytest.fixture
def app(key, server, monkeypatch):
    monkeypatch.setattr(messaging._MessagingService, "FCM_URL", server.url + "/v1/projects/{0}/messages:send")
    app = firebase_admin.initialize_app(credentials.Certificate(service_account(key, server.url)), name="stand-in")
    client = messaging._get_messaging_service(app)._client
    client.session.mount(server.url, HTTPAdapter(max_retries=0))  # a refusal is told, not waited for
    yield app
    client.close()
    firebase_admin.delete_app(app)


def send(app, token=PHONE, **options):
    android = messaging.AndroidConfig(ttl=timedelta(hours=1), priority="high", collapse_key="k")
    told = messaging.Notification(title="Hello", body="Anna")
    message = messaging.Message(token=token, notification=told, data={"delivery": "1"}, android=android)
    return messaging.send(message, app=app, **options)


def test_a_message_is_taken_and_named(app, fcm):
    name = send(app)
    [message] = fcm.messages
    assert (name, message.target) == (message.name, PHONE)
    assert message.value["notification"] == {"title": "Hello", "body": "Anna"}


def test_a_token_is_asked_for_once(app, fcm):
    send(app)
    send(app)
    assert len(fcm.endpoint.tokens) == 1


def test_a_dry_run_is_validated_and_not_taken(app, fcm):
    assert send(app, dry_run=True) == "projects/shop/messages/fake_message_id"
    assert (fcm.messages, fcm.validated) == ([], 1)


@pytest.mark.parametrize(
    ("token", "error"),
    [
        ("error-UNREGISTERED-1", messaging.UnregisteredError),
        ("error-SENDER_ID_MISMATCH-1", messaging.SenderIdMismatchError),
        ("error-QUOTA_EXCEEDED-1", messaging.QuotaExceededError),
        ("error-THIRD_PARTY_AUTH_ERROR-1", messaging.ThirdPartyAuthError),
        ("error-UNAVAILABLE-1", exceptions.UnavailableError),
        ("error-INTERNAL-1", exceptions.InternalError),
        ("not a token", exceptions.InvalidArgumentError),
    ],
)
def test_an_error_is_the_client_s_own_exception(app, fcm, token, error):
    with pytest.raises(error):
        send(app, token=token)
    assert fcm.messages == []


def test_a_token_of_an_app_that_is_gone_is_unregistered(app, fcm):
    fcm.unregistered.add(PHONE)
    with pytest.raises(messaging.UnregisteredError) as refused:
        send(app)
    assert refused.value.http_response.status_code == 404


def test_quota_comes_with_the_time_to_wait(app, fcm):
    with pytest.raises(messaging.QuotaExceededError) as refused:
        send(app, token="error-QUOTA_EXCEEDED-1")
    assert refused.value.http_response.headers["Retry-After"] == "60"


def test_an_assertion_signed_by_somebody_else_gets_no_token(app, fcm):
    fcm.endpoint.accounts = {ACCOUNT: rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()}
    with pytest.raises(RefreshError, match="Invalid JWT Signature"):
        send(app)
    assert (fcm.messages, fcm.endpoint.tokens) == ([], {})


def test_a_token_that_holds_no_more_is_not_taken(app, fcm):
    send(app)
    fcm.endpoint.revoke()
    send(app)  # google-auth asks for another one
    assert (len(fcm.messages), len(fcm.endpoint.tokens)) == (2, 2)
