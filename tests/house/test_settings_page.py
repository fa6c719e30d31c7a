"""The page about settings has every setting there is, and its file can be read."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import attrs
import pytest

from crm_email.settings import EmailSettings, FileSettings, SmtpSettings, email_settings, file_settings, smtp_settings
from crm_operational.settings import OperationalSettings, operational_settings
from crm_push import settings as push
from crm_whatsapp.settings import CloudSettings, cloud_settings
from crmcore.flow import outbox, policies
from crmcore.model import http, limits, retention, sending, telling
from crmcore.model.purpose import Purpose
from crmcore.model.time import DAY
from crmcore.settings import KEYS, TABLES, settings

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "reference" / "settings.md").read_text()
[EXAMPLE] = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
FILE = tomllib.loads(EXAMPLE)
EMAIL = FILE["channels"]["email"]
WHATSAPP = FILE["channels"]["whatsapp"]
PUSH = FILE["channels"]["push"]


def names(kind):
    return {field.name for field in attrs.fields(kind)}


@pytest.mark.parametrize(
    ("table", "known"),
    [
        (FILE, KEYS | TABLES),
        (FILE["sending"], set(sending.KEYS)),
        (FILE["limits"], limits.KEYS),
        (FILE["http"], set(http.KEYS)),
        (FILE["notices"], set(telling.KEYS)),
        (FILE["retention"], retention.KEYS),
        (EMAIL, names(EmailSettings) | {"provider", "smtp", "file"}),
        (EMAIL["smtp"], names(SmtpSettings)),
        (EMAIL["file"], names(FileSettings)),
        (WHATSAPP, {"provider", "cloud"}),
        (WHATSAPP["cloud"], names(CloudSettings)),
        (PUSH, {"ttl", "webpush", "fcm", "apns"}),
        (PUSH["webpush"], names(push.WebPushSettings)),
        (PUSH["fcm"], names(push.FcmSettings)),
        (PUSH["apns"], names(push.ApnsSettings)),
        (FILE["modules"]["operational"], names(OperationalSettings)),
    ],
    ids=[
        *("crm.toml", "sending", "limits", "http", "notices", "retention"),
        *("email", "smtp", "file", "whatsapp", "cloud"),
        *("push", "webpush", "fcm", "apns", "operational"),
    ],
)
def test_the_example_has_every_setting(table, known):
    assert set(table) == known


def test_the_example_is_valid(tmp_path):
    (tmp_path / "crm.toml").write_text(EXAMPLE)
    read = settings({}, file=tmp_path / "crm.toml", environment={})
    assert read.database == "postgresql://localhost/shop"
    assert policies.policy(read.tables["policy"]).timed
    assert outbox.outbox(read).addresses == {"orders": "env:ORDERS_WEBHOOK"}
    assert (read.http.proxy, read.http.timeout) == ("env:HTTP_PROXY_ADDRESS", 10.0)
    assert read.retention.of_event("page_viewed") == 90 * DAY
    assert read.retention.of_event("order_placed") is None
    section = read.tables["channels"]["email"]
    assert (email_settings(section).reply_to, smtp_settings(section).connections) == ("help@example.com", 4)
    assert file_settings(section).directory == "mails"
    assert cloud_settings(read.tables["channels"]["whatsapp"]).portfolio == 2000
    assert push.push_settings(read.tables["channels"]["push"]).ttl == 3 * 24 * 3600
    assert push.fcm_settings(PUSH).dry_run is False
    assert operational_settings(read.tables["modules"]["operational"]).sla == 48 * 3600 * 1_000_000
    assert push.apns_settings(PUSH).host == "https://api.push.apple.com"


def test_the_purposes_are_listed():
    page = (DOCS / "reference" / "policy.md").read_text()
    listed = re.findall(r"^\| `(\w+)` \| (?:transactional|marketing) \|", page, re.MULTILINE)
    assert listed == [one.value for one in Purpose]
