"""The table [http]: what is wrong is said with its key, and the address of a proxy never."""

from __future__ import annotations

import pytest

from crmcore.errors import SettingsError
from crmcore.model.http import Http, http_of
from crmcore.settings import settings


def test_without_a_table_there_are_no_surprises():
    assert settings({}, environment={}).http == Http(proxy=None, ca_file=None, timeout=10.0, allow_private=False)


def test_the_environment_has_all_of_them_as_text():
    environment = {"CRM_HTTP__TIMEOUT": "2.5", "CRM_HTTP__ALLOW_PRIVATE": "true", "CRM_HTTP__PROXY": "env:PROXY"}
    assert settings({}, environment=environment).http == Http(timeout=2.5, allow_private=True, proxy="env:PROXY")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("timeout", 0),
        ("timeout", -1),
        ("timeout", "soon"),
        ("timeout", True),
        ("timeout", float("nan")),
        ("timeout", 301),
        ("allow_private", "perhaps"),
        ("ca_file", ""),
        ("ca_file", 5),
        ("proxy", 5),
        ("proxy", "proxy.example:3128"),
        ("proxy", "https://proxy.example:3128"),
        ("proxy", "socks5://proxy.example:1080"),
        ("proxy", "http://proxy.example"),
        ("proxy", "http://proxy.example:99999"),
        ("proxy", "http://proxy.example:3128/path"),
        ("proxy", "http://us:hush@proxy.example:3128"),
        ("retries", 3),
    ],
)
def test_what_is_wrong_is_said_with_its_key(key, value):
    with pytest.raises(SettingsError, match=rf"http\.{key}.*the file") as raised:
        http_of({key: value}, "the file")
    assert "hush" not in str(raised.value)


def test_a_proxy_is_not_shown():
    made = http_of({"proxy": "http://proxy.example:3128"}, "the file")
    assert made.proxy == "http://proxy.example:3128"
    assert "example" not in repr(made)
