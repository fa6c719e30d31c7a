"""What FCM looks at in a message before it takes it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from crmcore.testing.standins.fcm_errors import Refused

TARGETS = ("token", "topic", "condition", "fid")
FIELDS = frozenset({"name", "data", "notification", "android", "webpush", "apns", "fcm_options", *TARGETS})
ANDROID = frozenset(
    {
        "bandwidth_constrained_ok",
        "collapse_key",
        "data",
        "direct_boot_ok",
        "fcm_options",
        "notification",
        "priority",
        "restricted_package_name",
        "restricted_satellite_ok",
        "ttl",
    }
)
PAYLOAD, TOPIC_PAYLOAD = 4096, 2048
LONGEST_TTL = 28 * 24 * 3600
_TTL = re.compile(r"(\d{1,10})(?:\.\d{1,9})?s")
_TOPIC = re.compile(r"[A-Za-z0-9_.~%-]+")
_TOKEN = re.compile(r"[A-Za-z0-9_:.-]+")
_RESERVED = re.compile(r"from|message_type|collapse_key|google\..*|google|gcm\..*|gcm")
#: A camelCase name is the same field to Google's JSON.
_CAMEL = re.compile(r"(?<=[a-z])([A-Z])")


def snake(value: Mapping[str, Any]) -> dict[str, Any]:
    """Return an object whose names are as the reference has them."""
    return {_CAMEL.sub(lambda found: f"_{found[1].lower()}", name): inner for name, inner in value.items()}


def check_message(message: Mapping[str, Any]) -> None:
    """Raise Refused where something is wrong with a message."""
    _known("message", message, FIELDS)
    _target(message)
    _strings("message.data", message.get("data") or {})
    android = snake(message.get("android") or {})
    _known("message.android", android, ANDROID)
    _strings("message.android.data", android.get("data") or {})
    _android(android)
    most = PAYLOAD if "token" in message or "fid" in message else TOPIC_PAYLOAD
    if sum(_sizes(message)) > most:
        raise Refused("INVALID_ARGUMENT")


def _target(message: Mapping[str, Any]) -> None:
    named = [one for one in TARGETS if message.get(one)]
    if not named:
        raise Refused("INVALID_ARGUMENT", "Recipient of the message is not set.", "message")
    if len(named) > 1:
        raise Refused("INVALID_ARGUMENT", "Invalid value at 'message' (oneof), oneof field 'target' is already set.")
    token, topic = message.get("token"), message.get("topic")
    if token is not None and not (isinstance(token, str) and _TOKEN.fullmatch(token)):
        words = "The registration token is not a valid FCM registration token"
        raise Refused("INVALID_ARGUMENT", words, "message.token")
    if topic is not None and not (isinstance(topic, str) and _TOPIC.fullmatch(topic)):
        raise Refused("INVALID_ARGUMENT", "Malformed topic name", "message.topic")


def _known(place: str, value: Mapping[str, Any], names: frozenset[str]) -> None:
    strange = sorted(set(value) - names)
    if strange:
        words = f"Invalid JSON payload received. Unknown name \"{strange[0]}\" at '{place}': Cannot find field."
        raise Refused("INVALID_ARGUMENT", words, place)


def _strings(place: str, data: Mapping[str, Any]) -> None:
    for index, (name, value) in enumerate(data.items()):
        if not isinstance(value, str):
            field = f"{place}[{index}].value"
            raise Refused("INVALID_ARGUMENT", f"Invalid value at '{field}' (TYPE_STRING), {value}", field)
        if _RESERVED.fullmatch(name):
            raise Refused("INVALID_ARGUMENT", f"Invalid data payload key: {name}", f"{place}.{name}")


def _android(android: Mapping[str, Any]) -> None:
    ttl, priority = android.get("ttl"), android.get("priority")
    found = _TTL.fullmatch(str(ttl)) if ttl is not None else None
    if ttl is not None and (found is None or int(found[1]) > LONGEST_TTL):
        raise Refused("INVALID_ARGUMENT", "Invalid value at 'message.android.ttl' (Duration)", "message.android.ttl")
    if priority is not None and str(priority).upper() not in ("NORMAL", "HIGH"):
        field = "message.android.priority"
        raise Refused("INVALID_ARGUMENT", f"Invalid value at '{field}', \"{priority}\"", field)


def _sizes(message: Mapping[str, Any]) -> Iterator[int]:
    """Yield the bytes of what reaches the device: keys and values of data and of notifications."""
    android = snake(message.get("android") or {})
    for part in (message.get("data"), message.get("notification"), android.get("data"), android.get("notification")):
        for name, value in (part or {}).items():
            yield len(name.encode()) + len(str(value).encode("utf-8", "surrogatepass"))
