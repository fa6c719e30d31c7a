"""What a push message says, for whatever carries it; and the forms its three carriers take it in, with their limits."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final, Self

import attrs

from crm_push.address import APNS, FCM, WEBPUSH, text
from crm_push.encryption import MAX_PLAIN

#: RFC 8030, 5.3.
URGENCIES: Final = ("very-low", "low", "normal", "high")
#: Bytes of a payload: of the plain text, of a message, of a body.
LIMITS: Final = {WEBPUSH: MAX_PLAIN, FCM: 4096, APNS: 4096}
#: Characters of a code that goes with a report (16 bytes in base64url).
MAC: Final = 22


@attrs.frozen(kw_only=True)
class Action:
    """A button: its name, what stands on it, where it leads."""

    name: str
    title: str
    url: str = ""


@attrs.frozen(kw_only=True)
class Notification:
    """What is shown, where a click leads, and how it is carried.

    It was made `at` (seconds since 1970), and is kept for `ttl` seconds; `tag` is the same for messages of which the newer takes the place of the older: a message sent
    twice takes its own. `count` stands on the app's icon, `data` is for the app.
    """

    title: str
    body: str
    tag: str
    icon: str = ""
    image: str = ""
    badge: str = ""
    url: str = ""
    sound: str = ""
    count: int | None = None
    actions: tuple[Action, ...] = ()
    data: Mapping[str, str] = attrs.field(factory=dict)
    at: int = 0
    ttl: int = 0
    urgency: str = "normal"

    def to_bytes(self) -> bytes:
        """Return it as JSON, the same for the same notification."""
        return compact(attrs.asdict(self, filter=_is_given))

    @classmethod
    def from_bytes(cls, body: bytes) -> Self:
        """Return what `to_bytes` wrote."""
        said = json.loads(body)
        actions = tuple(Action(**one) for one in said.pop("actions", ()))
        return cls(**said, actions=actions)


@attrs.frozen(kw_only=True)
class Report:
    """Where a browser tells what became of a message, and with which code."""

    url: str
    id: str
    mac: str


def tag(key: str) -> str:
    """Return 32 characters of base64url that stand for a key: a Topic, a collapse key, a tag. It tells nobody the key."""
    return text(hashlib.sha256(key.encode()).digest()[:24])


def compact(value: Mapping[str, Any]) -> bytes:
    """Return JSON with nothing in it that need not be."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def web_payload(said: Notification, report: Report | None) -> bytes:
    """Return what crm-push-worker.js reads, before encryption."""
    shown = {name: getattr(said, name) for name in ("title", "body", "tag", "icon", "image", "badge", "url")}
    actions = [{"action": one.name, "title": one.title, "url": one.url} for one in said.actions]
    more = {"actions": actions, "data": dict(said.data), "report": report and attrs.asdict(report)}
    return compact(_given(shown | more))


def fcm_message(said: Notification, ttl: int) -> dict[str, Any]:
    """Return the message of FCM HTTP v1 without the token it goes to; `ttl` in seconds."""
    notification = {"title": said.title, "body": said.body, "image": said.image}
    shown = {"tag": said.tag, "icon": said.icon, "sound": said.sound, "notification_count": said.count}
    android = {
        "ttl": f"{ttl}s",
        "priority": "HIGH" if said.urgency == "high" else "NORMAL",
        "collapse_key": said.tag,
        "notification": _given(shown),
    }
    data = {**said.data, "url": said.url} if said.url else dict(said.data)
    return _given({"notification": _given(notification), "data": data, "android": android})


def apns_payload(said: Notification) -> bytes:
    """Return the body of a request to APNs."""
    aps = {
        "alert": {"title": said.title, "body": said.body},
        "badge": said.count,
        "sound": said.sound,
        # With a picture the app has an extension that fetches it before the message is shown.
        "mutable-content": 1 if said.image else None,
    }
    return compact(_given({"aps": _given(aps), "url": said.url, "image": said.image, "data": dict(said.data)}))


def size(said: Notification, kind: str, report_url: str) -> int:
    """Return how many bytes of its carrier's limit a notification takes on its way to an address of a kind."""
    if kind == FCM:
        return len(compact(fcm_message(said, said.ttl)))
    if kind == APNS:
        return len(apns_payload(said))
    report = Report(url=report_url, id="9" * 19, mac="-" * MAC) if report_url else None
    return len(web_payload(said, report))


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what is empty; 0 is not."""
    return {name: value for name, value in values.items() if value not in (None, "", [], {})}


def _is_given(_: Any, value: Any) -> bool:
    return value not in (None, "", (), {})
