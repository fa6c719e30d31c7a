"""Has a command that answers a program as it would a person."""

from __future__ import annotations

import click

from crm_operational.module import Operational
from tests.testing.casebook import OfCases

BREAKS = "test_commands_have_help_and_answer_in_json"


@click.command("greet")
def greet():
    """Say hello."""
    click.echo("Hello!")


class Friendly(Operational):
    def __init__(self, settings):
        super().__init__(settings)
        self.commands = [*self.commands, greet]


class TestFriendly(OfCases):
    made = Friendly

    def calls(self, crm, customer):
        return [*super().calls(crm, customer), ["greet"]]
