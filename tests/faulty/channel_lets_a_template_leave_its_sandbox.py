"""Lets a template reach what Python has around it."""

from __future__ import annotations

import attrs
from jinja2 import Environment, StrictUndefined

from crmcore.hooks.sandbox import Part
from tests.testing import test_channel_suite as sound

BREAKS = "test_a_template_does_not_leave_its_sandbox"


class Open(sound.Letters):
    def compile(self, template):
        made = super().compile(template)
        if "__" not in template.parts["text"]:
            return made
        text = Environment(undefined=StrictUndefined).from_string(template.parts["text"])
        return attrs.evolve(made, text=Part(name="text", compiled=text))


class TestOpen(sound.OfLetters):
    package = __name__
    made = Open
