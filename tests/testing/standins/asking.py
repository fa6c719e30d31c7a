"""Stand-ins asked without a server."""

from __future__ import annotations

import json

from crmcore.testing.standins.exchange import Request

NOW = 2_200_000_000_000_000


def posted(stand_in, path, value, **headers):
    """Post an object (or bytes) to a stand-in; return status and what the answer holds."""
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    named = {name.replace("_", "-"): one for name, one in headers.items()}
    answer = stand_in.answer(Request(method="POST", path=path, headers=named, body=body))
    return answer.status, json.loads(answer.body) if answer.body else None
