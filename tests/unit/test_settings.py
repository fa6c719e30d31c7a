"""Keyword outweighs environment, environment outweighs file; an error names the key and the place."""

from decimal import Decimal

import pytest

from crmcore.errors import SettingsError
from crmcore.settings import secret, settings


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "crm.toml"
    path.write_text('workspace = "file"\n[channels.email]\nsender = "file"\nport = 25\n')
    return path


@pytest.mark.parametrize(
    ("given", "environment", "workspace"),
    [
        ({}, {}, "file"),
        ({}, {"CRM_WORKSPACE": "environment"}, "environment"),
        ({"workspace": "keyword"}, {"CRM_WORKSPACE": "environment"}, "keyword"),
        ({"workspace": None}, {}, "file"),
    ],
)
def test_keyword_then_environment_then_file(file, given, environment, workspace):
    assert settings(given, file=file, environment=environment).workspace == workspace


def test_a_table_is_laid_over_a_table(file):
    made = settings({}, file=file, environment={"CRM_CHANNELS__EMAIL__SENDER": "environment"})
    assert made.tables["channels"]["email"] == {"sender": "environment", "port": 25}


def test_the_prices_of_channels_are_the_cores_own_and_no_plugins():
    given = {"channels": {"email": {"price": 0.001, "sender": "a"}, "push": {"price": "0"}, "note": {}}}
    made = settings(given, environment={"CRM_CHANNELS__WHATSAPP__PRICE": "0.05"})
    assert made.prices == {"email": Decimal("0.001"), "push": 0, "whatsapp": Decimal("0.05")}
    assert made.tables["channels"] == {"email": {"sender": "a"}, "push": {}, "note": {}, "whatsapp": {}}


@pytest.mark.parametrize("price", ["dear", "-1", "NaN", True, [1], ""])
def test_a_price_is_an_amount(price):
    with pytest.raises(SettingsError, match=r"'channels.push.price' from keyword argument.*is no price of a message"):
        settings({"channels": {"push": {"price": price}}}, environment={})


def test_a_list_comes_from_the_environment():
    assert settings({}, environment={"CRM_BLOCKED": "a, b"}).blocked == ("a", "b")


@pytest.mark.parametrize(
    ("given", "environment", "said"),
    [
        ({"databse": "x"}, {}, r"'databse' from keyword argument.*did you mean database"),
        ({"workspace": 5}, {}, "'workspace' from keyword argument"),
        ({}, {"CRM_WORKSPACE": ""}, "'workspace' from CRM_WORKSPACE"),
        ({"blocked": "x"}, {}, "no list of plugin names"),
        ({"channels": 5}, {}, "'channels' from keyword argument.*no table"),
    ],
)
def test_an_error_names_the_key_the_place_and_the_fix(given, environment, said):
    with pytest.raises(SettingsError, match=said):
        settings(given, environment=environment)


@pytest.mark.parametrize("text", ["nope = 1\n", "= broken", "\xff"])
def test_a_broken_file_is_an_error_naming_it(tmp_path, text):
    path = tmp_path / "crm.toml"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(SettingsError, match=r"crm\.toml"):
        settings({}, file=path, environment={})


def test_a_secret_is_read_by_reference_and_never_shown(tmp_path):
    (tmp_path / "key").write_text("hush\n")
    for reference in ("env:KEY", f"file:{tmp_path}/key"):
        found = secret(reference, "smtp.password", {"KEY": "hush"})
        assert (found.reveal(), "hush" in repr(found), "hush" in str(found)) == ("hush", False, False)


def test_a_secret_that_is_missing_is_told_with_where_its_reference_was_given(tmp_path):
    file = tmp_path / "shop.toml"
    file.write_text('[channels.email.smtp]\npassword = "env:NO_SUCH"\n[channels.push.apns]\nkey = "file:no.p8"\n')
    given = {"channels": {"whatsapp": {"cloud": {"token": "env:NONE"}}}}
    found = settings(given, file=file, environment={"CRM_CHANNELS__PUSH__APNS__KEY": "env:P8"}).tables["channels"]

    def told(reference):
        with pytest.raises(SettingsError) as error:
            secret(reference, "a.secret", {})
        return error.value.fields["place"]

    assert told(found["email"]["smtp"]["password"]) == str(file)
    assert told(found["push"]["apns"]["key"]) == "CRM_CHANNELS__PUSH__APNS__KEY"
    assert told(found["whatsapp"]["cloud"]["token"]) == "keyword argument"


def test_an_empty_secret_is_none_since_anybody_can_sign_with_it(tmp_path):
    (tmp_path / "key").write_text("\n")
    for reference in ("env:KEY", f"file:{tmp_path / 'key'}"):
        with pytest.raises(SettingsError, match="is empty"):
            secret(reference, "channels.whatsapp.cloud.app_secret", {"KEY": ""})


@pytest.mark.parametrize("reference", ["hush", "env:NOPE", "file:", "file:/nope"])
def test_a_secret_that_is_no_reference_is_refused_without_showing_it(reference):
    with pytest.raises(SettingsError) as raised:
        secret(reference, "smtp.password", {})
    assert "hush" not in str(raised.value)
