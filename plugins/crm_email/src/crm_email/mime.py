"""MIME by hand, quick: what does not change from mail to mail is made once, the rest is filled in as bytes.

The standard library's `email` package is the reference; the tests parse every mail with it. RFC 5322, 2045 to 2047.
"""

from __future__ import annotations

import base64
import binascii
import re
import time
from functools import lru_cache

CRLF = b"\r\n"
MAX_LINE = 998
#: A base64 encoded-word of 45 bytes stays within 75 characters (RFC 2047, section 2).
WORD = 45
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def is_header_safe(value: str) -> bool:
    """Tell whether a value may stand in a header: no line break or control character, which would begin another."""
    return not _CONTROL.search(value) and "\u2028" not in value and "\u2029" not in value and "\x85" not in value


def header_value(value: str) -> bytes:
    """Return a header's value, as encoded-words where it is not plain ASCII of a modest length."""
    if value.isascii() and len(value) <= 200 and "=?" not in value and value == value.strip() and "\t" not in value:  # noqa: PLR2004 - far below MAX_LINE
        return value.encode()
    return (CRLF + b" ").join(b"=?utf-8?b?" + base64.b64encode(chunk) + b"?=" for chunk in _chunks(value))


def _chunks(value: str) -> list[bytes]:
    chunks, current = [], b""
    for letter in value:
        encoded = letter.encode()
        if len(current) + len(encoded) > WORD:
            chunks.append(current)
            current = b""
        current += encoded
    return [*chunks, current]


@lru_cache(maxsize=64)
def date(second: int) -> bytes:
    """Return a time in seconds since 1970 as a Date header's value (RFC 5322, 3.3)."""
    t = time.gmtime(second)
    day, month = _DAYS[t.tm_wday], _MONTHS[t.tm_mon - 1]
    return f"{day}, {t.tm_mday:02} {month} {t.tm_year:04} {t.tm_hour:02}:{t.tm_min:02}:{t.tm_sec:02} +0000".encode()


def _with_crlf(content: str) -> str:
    """Whatever ends the lines; a regular expression takes four times as long."""
    if "\r" in content:
        content = content.replace("\r\n", "\n").replace("\r", "\n")
    return content.replace("\n", "\r\n")


def leaf(subtype: str, content: str) -> bytes:
    """Return a text part: its headers, an empty line and its content in a transfer encoding that keeps it 7-bit."""
    data = _with_crlf(content)
    encoding, body = _encoded(data)
    return b"".join(
        (
            b"Content-Type: text/",
            subtype.encode(),
            b'; charset="utf-8"\r\nContent-Transfer-Encoding: ',
            encoding,
            CRLF,
            CRLF,
            body,
        )
    )


def alternative(boundary: bytes, *leaves: bytes) -> bytes:
    """Return a multipart/alternative of parts: its headers, an empty line and the parts, plainest first."""
    opening = b'Content-Type: multipart/alternative; boundary="' + boundary + b'"\r\n\r\n'
    parts = b"".join(b"--" + boundary + CRLF + one + CRLF for one in leaves)
    return opening + parts + b"--" + boundary + b"--" + CRLF


def _encoded(data: str) -> tuple[bytes, bytes]:
    if data.isascii() and "\0" not in data and _lines_fit(data):
        return b"7bit", data.encode()
    raw = data.encode()
    if len(raw) - len(data) > len(data) // 6:
        return b"base64", base64.encodebytes(raw).replace(b"\n", CRLF)
    # Given CRLF, b2a_qp breaks lines with LF all the same where the text has no line break of its own.
    return b"quoted-printable", binascii.b2a_qp(raw.replace(CRLF, b"\n"), istext=True).replace(b"\n", CRLF)


def _lines_fit(data: str) -> bool:
    return len(data) <= MAX_LINE or max(map(len, data.split("\r\n"))) <= MAX_LINE
