"""The tutorial, followed as it stands: what is written by then is a plugin that is done, and the folder in examples/."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from crmcore.cli import crm

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "tutorial" / "publish-a-channel.md").read_text()
FOLDER = ROOT / "examples" / "publish_channel"
MOST = 150
BOUNDARY = ("crmcore.hooks", "crmcore.model", "crmcore.errors", "crmcore.settings")


def blocks(language: str) -> list[tuple[str, str]]:
    return re.findall(rf"^`(\S+)`:\n\n```{language}\n(.*?)```", PAGE, re.DOTALL | re.MULTILINE)


def commands() -> list[list[str]]:
    return [line.split() for line in re.findall(r"^\$ (.*)$", PAGE, re.MULTILINE)]


def exchanged(text: str, diff: str) -> str:
    [gone], [new] = (re.findall(rf"^[{sign}](.*)$", diff, re.MULTILINE) for sign in "-+")
    assert text.count(f"{gone}\n") == 1
    return text.replace(f"{gone}\n", f"{new}\n")


@pytest.fixture(scope="module")
def followed(tmp_path_factory):
    """The folder that one has who does what the page says; installed, as far as Python can see."""
    place, before = tmp_path_factory.mktemp("tutorial"), Path.cwd()
    os.chdir(place)
    [new] = [one for one in commands() if one[1:3] == ["plugin", "new"]]
    try:
        result = CliRunner().invoke(crm, new[1:])
    finally:
        os.chdir(before)
    assert result.exit_code == 0, result.output
    folder = place / new[3]
    for path, text in blocks("python"):
        (folder / path).write_text(text)
    for path, diff in blocks("diff"):
        (folder / path).write_text(exchanged((folder / path).read_text(), diff))
    known = place / "site" / "acme_sms-0.1.0.dist-info"
    known.mkdir(parents=True)
    (known / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-sms\nVersion: 0.1.0\n")
    (known / "entry_points.txt").write_text("[crmcore]\nacme_sms = acme_sms\n")
    return folder


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    paths = [folder / "src", folder.parent / "site", *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, paths))}
    return subprocess.run(
        [sys.executable, *command], cwd=folder.parent, env=environment, capture_output=True, text=True, check=False
    )


def test_the_page_and_the_folder_are_the_same(followed):
    def held(folder: Path) -> dict[str, str]:
        command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
        listed = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, check=True).stdout.split()
        names = {str(one.relative_to(folder)) for one in folder.rglob("*") if one.is_file()}
        return {name: (folder / name).read_text() for name in (names if folder == followed else listed)}

    assert held(followed) == held(FOLDER)


def lines_of_code(path: Path) -> int:
    """Lines that are neither blank nor words to the reader."""
    tree = ast.parse(path.read_text())
    nodes = [one for one in ast.walk(tree) if isinstance(one, ast.Module | ast.ClassDef | ast.FunctionDef)]
    said = [one.body[0] for one in nodes if ast.get_docstring(one) is not None]
    words = {line for one in said for line in range(one.lineno, (one.end_lineno or one.lineno) + 1)}
    lines = enumerate(path.read_text().splitlines(), 1)
    return sum(number not in words and bool(text.strip()) and text.strip()[0] != "#" for number, text in lines)


def test_it_takes_no_more_than_150_lines():
    sources = sorted(FOLDER.glob("src/**/*.py"))
    assert len(sources) == 3
    assert sum(map(lines_of_code, sources)) <= MOST


def test_it_needs_nothing_of_the_core_but_the_boundary():
    for path in FOLDER.glob("src/**/*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("crmcore"):
                assert node.module.startswith(BOUNDARY), (path, node.module)


def test_it_is_done(followed):
    checked = "import sys; sys.argv[0] = 'crm'; from crmcore.cli import main; main()"
    done = run(followed, "-c", checked, "--json", "plugin", "check", str(followed))
    assert done.returncode == 0, done.stdout + done.stderr
    [verdict] = json.loads(done.stdout)
    assert {one["object"]: one["suites"] for one in verdict["objects"]} == {
        "channel sms": ["ChannelSuite"],
        "provider sms/gateway": ["ProviderSuite", "WebhookSuite"],
    }
    assert all(one["passed"] > 15 for one in verdict["objects"])


def test_the_campaign_is_sent_and_reported(followed):
    done = run(followed, "-W", "error", str(followed / "campaign.py"))
    assert done.returncode == 0, done.stderr
    [said] = re.findall(r"campaign\.py\n(.*)\n```", PAGE)
    assert done.stdout.strip() == said
