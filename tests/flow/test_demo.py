"""The demo tells its story on any file of the kind."""

from __future__ import annotations

import csv
import gzip
import json

import pytest
from click.testing import CliRunner

from crmcore import CRM
from crmcore.cli import crm as command
from crmcore.cli import demonstration
from crmcore.demo import story


@pytest.fixture
def data(tmp_path):
    """A small shop: forty customers, half of them gone since spring."""
    path = tmp_path / "shop.csv.gz"
    with gzip.open(path, "wt", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(
            ["InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country"]
        )
        for customer in range(40):
            for order in range(6):
                month = 1 + order % 4 if customer % 2 else 6 + order
                invoice = f"5{customer:02}{order}"
                for item in range(3):
                    writer.writerow(
                        [
                            invoice,
                            f"1000{(customer + item) % 9}",
                            f"THING {item}",
                            2,
                            f"2011-{month:02}-1{order} 10:00:00",
                            "1.25",
                            f"{customer}.0",
                            "Norway",
                        ]
                    )
        writer.writerow(["C9999", "10001", "THING 1", -1, "2011-11-01 10:00:00", "1.25", "1.0", "Norway"])
        writer.writerow(["59999", "10001", "THING 1", 1, "2011-11-01 10:00:00", "1.25", "", "Norway"])
    return path


def tell(data, folder):
    done = CliRunner().invoke(command, ["demo", "--data", str(data), "--directory", str(folder), "--json"])
    assert done.exit_code == 0, done.output
    return json.loads(done.output)


def test_the_story_is_told_in_figures_that_add_up(data, tmp_path):
    figures = tell(data, tmp_path / "out")
    assert (figures["customers"], figures["orders"], figures["revenue_minor"]) == (40, 240, 240 * 3 * 250)
    assert figures["segments"] == {"loyal": 20, "lapsed": 20, "new": 0}
    assert figures["sent"] + sum(figures["skipped"].values()) == 40
    assert figures["skipped"]["holdout"] == figures["holdout"]["customers"]
    assert len(list((tmp_path / "out" / "demo_mails").iterdir())) == 6


def test_the_same_story_has_the_same_figures(data, tmp_path):
    one, two = (tell(data, tmp_path / name) for name in ("one", "two"))
    for changing in ("seconds", "peak_mb"):
        assert one.pop(changing) > 0
        two.pop(changing)
    assert one == two


def test_told_again_in_the_same_place_it_begins_anew(data, tmp_path):
    tell(data, tmp_path)
    assert tell(data, tmp_path)["customers"] == 40


def test_a_database_of_somebody_else_is_not_touched(data, tmp_path):
    with CRM(str(tmp_path / "demo.db")) as crm:
        crm.track("order_placed", "42")
    done = CliRunner().invoke(command, ["demo", "--data", str(data), "--directory", str(tmp_path)])
    assert "not the demo's own" in str(done.exception)
    with CRM(str(tmp_path / "demo.db")) as crm:
        assert crm.customer("42").key == "42"


def test_what_the_demo_leaves_can_be_asked_in_any_year(data, tmp_path):
    tell(data, tmp_path)
    with CRM(str(tmp_path / "demo.db")) as crm:
        assert crm.segment("lapsed").size() >= 15
        assert crm.report("winback").eligible == 20


def test_data_that_are_not_there_are_an_error_naming_them(tmp_path):
    done = CliRunner().invoke(command, ["demo", "--data", str(tmp_path / "nope.csv.gz"), "--directory", str(tmp_path)])
    assert "nothing is downloaded" in str(done.exception)


@pytest.mark.parametrize("missing", ["crm_email", "crm_recommend"])
def test_a_plugin_that_is_missing_is_named_before_anything_is_written(tmp_path, monkeypatch, missing):
    find = demonstration.find_spec
    monkeypatch.setattr(demonstration, "find_spec", lambda name: None if name == missing else find(name))
    done = CliRunner().invoke(command, ["demo", "--directory", str(tmp_path / "out")])
    assert (done.exit_code, (tmp_path / "out").exists()) == (1, False)
    assert f"needs crm_email and crm_recommend, and {missing} is not installed" in done.output


@pytest.mark.parametrize(
    ("found", "started", "named"),
    [("/usr/bin/crm", ".venv/bin/crm", "crm"), (None, ".venv/bin/crm", ".venv/bin/crm"), (None, "pytest", "crm")],
)
def test_the_commands_to_try_next_begin_as_this_one_did(monkeypatch, found, started, named):
    monkeypatch.setattr(story.shutil, "which", lambda _: found)
    monkeypatch.setattr(story.sys, "argv", [started])
    assert story._program() == named
