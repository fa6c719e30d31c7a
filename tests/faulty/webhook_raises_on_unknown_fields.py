"""Falls over a type of feedback that it does not know."""

from __future__ import annotations

import json

import pytest

from crmcore.testing.postbox import Postbox
from tests.testing import test_webhook_suite as sound

BREAKS = "test_what_nobody_knows_is_passed_over"


class Literal(Postbox):
    def parse_webhook(self, request, now):
        read = super().parse_webhook(request, now)
        if read.answer.status == 200:
            for one in json.loads(request.body).get("feedback", ()):
                one["type"].upper()
        return read


class TestLiteral(sound.OfPostbox):
    made = Literal

    def postgresql(self):
        pytest.skip("both stores would tell the same")
