"""What `crm plugin new` writes is whole, and passes what it is to pass, as it stands."""

from __future__ import annotations

import ast
import tomllib

import pytest

from crmcore.errors import FolderTaken, InvalidName, InvalidValue
from crmcore.scaffold.plugin import PARTS, NewPlugin, check_free, checked, rendered, write
from tests.scaffold.written import KINDS, QUICK, tried, written

WHOLE = {".gitignore", ".github/workflows/tests.yml", "LICENSE", "README.md", "pyproject.toml", "tests/test_readme.py"}


def files(**given):
    return rendered(checked(NewPlugin(**{"name": "crm_pigs", **given})))


@pytest.mark.parametrize("kind", sorted(PARTS))
def test_a_distribution_is_whole(kind):
    made = files(kind=kind, licence="MIT", author="Ada", year=2026)
    assert set(made) > WHOLE | {"src/crm_pigs/__init__.py", "src/crm_pigs/py.typed"}
    assert [path for path in made if path.startswith("tests/test_") and "Suite)" in made[path]]
    assert "```python" in made["README.md"]
    assert not [path for path, text in made.items() if "<<" in text or "<%" in text]


@pytest.mark.parametrize("kind", sorted(PARTS))
def test_its_entry_point_is_its_package(kind):
    project = tomllib.loads(files(kind=kind)["pyproject.toml"])["project"]
    assert project["name"] == "crm-pigs"
    assert project["entry-points"] == {"crmcore": {"crm_pigs": "crm_pigs"}}
    assert project["dependencies"][0].startswith("crmcore")


@pytest.mark.parametrize("kind", sorted(PARTS))
def test_its_functions_are_short_and_explained(kind):
    for path, text in files(kind=kind).items():
        if path.startswith("src/") and path.endswith(".py"):
            tree = ast.parse(text)
            named = [one for one in ast.walk(tree) if isinstance(one, ast.FunctionDef | ast.ClassDef)]
            public = [one for one in named if not one.name.startswith("_")]
            assert all(ast.get_docstring(one) for one in (tree, *public)), path
            lengths = [(one.end_lineno or 0) - one.lineno for one in named if isinstance(one, ast.FunctionDef)]
            assert max(lengths, default=0) <= 18, path


@pytest.mark.parametrize("given", KINDS)
def test_it_passes_ruff_and_mypy_as_it_stands(tmp_path, tmp_path_factory, given):
    folder, cache = written(tmp_path, **given), tmp_path_factory.getbasetemp() / "mypy"
    ruff = ("ruff", "check", "."), ("ruff", "format", "--check", ".")
    for command in (*ruff, ("mypy", "--strict", "--cache-dir", cache)):
        done = tried(folder, *command)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("given", KINDS[2:])
def test_it_passes_its_suites_and_its_readme_runs(tmp_path, given):
    """A channel with its carrier is what the tutorial begins with: tests/examples/test_publish_channel.py."""
    folder = written(tmp_path, **given)
    done = tried(folder, "pytest", "-q", "-p", "no:randomly", "-p", "no:cacheprovider", "-W", "error", **QUICK)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_name_without_the_prefix_is_that_of_the_thing():
    assert 'name = "pigs"' in files(name="pigs", kind="gate")["src/pigs/gate.py"]
    assert 'name = "pigs"' in files(name="crm_pigs", kind="gate")["src/crm_pigs/gate.py"]


def test_a_provider_brings_its_channel_or_carries_another():
    own, other = files(kind="provider"), files(kind="provider", channel="email", address_kind="email")
    assert "src/crm_pigs/channel.py" in own
    assert "src/crm_pigs/channel.py" not in other
    assert 'channel = "email"' in other["src/crm_pigs/carrier.py"]


def test_without_a_license_nothing_is_said_of_one():
    made = files(kind="gate")
    assert "LICENSE" not in made
    assert "license" not in made["pyproject.toml"].lower()


@pytest.mark.parametrize(
    ("given", "error", "said"),
    [
        ({"name": "Pigs", "kind": "gate"}, InvalidName, "lower-case"),
        ({"name": "crm_", "kind": "gate"}, InvalidName, "lower-case"),
        ({"name": "import", "kind": "gate"}, InvalidName, "none of Python's"),
        ({"name": "match", "kind": "gate"}, InvalidName, "none of Python's"),
        ({"kind": "provider", "channel": "e-mail"}, InvalidName, "e-mail"),
        ({"kind": "gate", "channel": "email"}, InvalidValue, "a gate has none"),
        ({"kind": "provider", "channel": "email", "address_kind": "key"}, InvalidValue, "to a key"),
        ({"kind": "provider", "channel": "email", "address_kind": "a kind"}, InvalidName, "kind of addresses"),
        (
            {"name": "customer", "kind": "module"},
            InvalidName,
            "another one: the core has tables of the name 'customer'",
        ),
        ({"name": "crm_event", "kind": "module"}, InvalidName, "another one: the core has tables of the name 'event'"),
        ({"name": "crm_verdict", "kind": "gate"}, InvalidName, "called Verdict"),
        ({"name": "crm_true", "kind": "gate"}, InvalidName, "none of Python's"),
        ({"name": "crm_event", "kind": "module"}, InvalidName, "the core has tables of the name 'event'"),
    ],
)
def test_what_cannot_be_is_refused_in_words(given, error, said):
    with pytest.raises(error, match=said):
        files(**given)


def test_what_has_no_tables_may_be_called_as_those_of_the_core():
    assert "src/customer/gate.py" in files(name="customer", kind="gate")


@pytest.mark.parametrize("name", ["crmcore", "json", "sqlalchemy"])
def test_a_name_that_is_taken_is_refused(name):
    with pytest.raises(InvalidName, match="another one"):
        check_free(name)


def test_a_folder_that_one_stands_beside_takes_no_name(tmp_path, monkeypatch):
    (tmp_path / "crm_pigs").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    check_free("crm_pigs")


def test_a_folder_that_holds_something_is_left_alone_unless_told_otherwise(tmp_path):
    made = files(kind="gate")
    (tmp_path / "README.md").write_text("mine")
    (tmp_path / "notes.txt").write_text("mine too")
    with pytest.raises(FolderTaken, match="--overwrite"):
        write(tmp_path, made, overwrite=False)
    assert (tmp_path / "README.md").read_text() == "mine"
    write(tmp_path, made, overwrite=True)
    assert (tmp_path / "README.md").read_text() == made["README.md"]
    assert (tmp_path / "notes.txt").read_text() == "mine too"


def test_a_folder_that_is_empty_is_written_to(tmp_path):
    assert write(tmp_path, files(kind="gate"), overwrite=False)
