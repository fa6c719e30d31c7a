"""A shop whose customers buy the same again and again, on a clock that is turned."""

pytest_plugins = ["crmcore.testing.plugin"]
