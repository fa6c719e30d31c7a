"""Push messages encrypted for browsers that each have a key of their own, beside pywebpush, in the same process.

Per second of processor time: what one core does, whoever else is at work on the machine.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from measuring import arguments, report, rounds

from crm_push import subscription
from crm_push.address import Subscription, subscribed, text, unpacked
from crm_push.encryption import encrypted
from crm_push.vapid import new_keys

#: As a message of some length is: title, text, address, picture, the code of its report.
PLAIN = b'{"title":"It is back","body":"' + b"The blue one is there again. " * 10 + b'"}'


def browsers(count: int) -> list[dict[str, object]]:
    """Return subscriptions as browsers give them, each of its own."""
    return [
        {
            "endpoint": f"https://push.example.net/p/{number}",
            "keys": {"p256dh": new_keys().public, "auth": text(os.urandom(16))},
        }
        for number in range(count)
    ]


def ours(addresses: list[Subscription], secret: bytes) -> float:
    """Return our messages a second."""
    messages = enumerate(addresses)
    return rate(len(addresses), lambda: [encrypted(PLAIN, one, f"{key:032x}", secret) for key, one in messages])


def theirs(given: list[dict[str, object]]) -> float:
    """Return pywebpush's messages a second."""
    from pywebpush import WebPusher

    return rate(len(given), lambda: [WebPusher(one).encode(PLAIN, content_encoding="aes128gcm") for one in given])


def rate(count: int, work: Callable[[], object]) -> float:
    """Return how many a second of processor time are done."""
    began = time.process_time()
    work()
    return count / (time.process_time() - began)


def main() -> None:
    """Measure, and print the figure."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--messages", type=int, default=2000, help="messages a round (default 2000)")
    given = parser.parse_args()
    made = browsers(given.messages)
    addresses = [subscribed(subscription(one)) for one in made]
    secret = unpacked(new_keys().private)
    mine, others = rounds(given.rounds, lambda: ours(addresses, secret), lambda: theirs(made))
    report(
        as_json=given.json,
        name="webpush.encrypt",
        value=mine,
        unit="messages/s of CPU",
        against="pywebpush",
        ratio=mine / others,
    )


if __name__ == "__main__":
    main()
