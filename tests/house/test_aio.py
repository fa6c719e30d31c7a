"""The proxy is that of the CRM as it is: `python tools/write_aio.py` was run after the last change."""

from __future__ import annotations

import inspect
import runpy
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from crmcore.aio import AsyncCRM, AsyncSegment, AsyncWriter
from crmcore.app import CRM
from crmcore.segment import Segment
from crmcore.writer import Writer

ROOT = Path(__file__).parents[2]
PROXIES = {AsyncCRM: CRM, AsyncSegment: Segment, AsyncWriter: Writer}
#: A proxy takes the asynchronous connection instead.
OWN_PARAMETERS = {"using"}


@pytest.fixture(scope="module")
def tool():
    return runpy.run_path(str(ROOT / "tools" / "write_aio.py"))


def public(cls):
    return {name: one for name, one in inspect.getmembers(cls) if not name.startswith("_")}


METHODS = [
    (proxy, cls, name) for proxy, cls in PROXIES.items() for name, one in public(cls).items() if inspect.isfunction(one)
]


def test_the_committed_file_is_what_the_script_writes(tool):
    assert tool["source"]() == (ROOT / "src" / "crmcore" / "aio.py").read_text(), "run: python tools/write_aio.py"


@pytest.mark.parametrize(("proxy", "cls"), PROXIES.items())
def test_everything_public_is_there(proxy, cls):
    assert public(cls).keys() - public(proxy).keys() == set()


@pytest.mark.parametrize(("proxy", "cls", "name"), METHODS, ids=lambda one: getattr(one, "__name__", one))
def test_a_method_takes_the_same_parameters_and_says_the_same(proxy, cls, name):
    there, here = (inspect.signature(getattr(one, name)).parameters.values() for one in (cls, proxy))
    if name not in OWN_PARAMETERS:
        assert [(one.name, one.kind, one.default, one.annotation) for one in list(here)[1:]] == [
            (one.name, one.kind, one.default, one.annotation) for one in list(there)[1:]
        ]
    assert inspect.getdoc(getattr(proxy, name))


@pytest.mark.parametrize("made", [AsyncCRM.__init__, AsyncCRM.open])
def test_a_proxy_is_opened_with_what_a_crm_takes(made):
    there, here = (inspect.signature(one).parameters for one in (CRM.__init__, made))
    assert [str(one) for name, one in here.items() if name != "self"] == [
        str(one) for name, one in there.items() if name != "self"
    ]


def loaded(statement):
    command = [sys.executable, "-c", f"import sys\n{statement}\nprint(*sys.modules)"]
    return set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())


def test_who_does_not_await_loads_none_of_it():
    assert loaded("import crmcore") & {"crmcore.aio", "sqlalchemy.ext.asyncio", "aiosqlite", "greenlet"} == set()


def test_the_proxy_loads_no_driver_and_nothing_that_it_only_annotates():
    assert loaded("import crmcore.aio") & {"sqlalchemy.ext.asyncio", "aiosqlite", "crmcore.campaigning"} == set()


USE = """
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from crmcore.aio import AsyncCRM, AsyncSegment
from crmcore.store.customers import CustomerView

async def use(crm: AsyncCRM, session: AsyncSession, connection: AsyncConnection) -> CustomerView:
    async with AsyncCRM("shop.db", workspace="shop") as other:
        await other.identify("42", {{"city": "Bandung"}}, tags=["new"])
    await crm.using(session).track("order_placed", "42", amount={amount}, currency="EUR")
    await crm.using(connection).consent("42", "retention", granted=False)
    segment: AsyncSegment = await crm.segment("locals")
    size: int = await segment.size()
    return {answer} crm.customer("42", at=size)
"""


@pytest.mark.parametrize(
    ("amount", "answer", "found"),
    [("500", "await", "Success"), ("'500'", "await", "arg-type"), ("500", "", "return-value")],
)
def test_the_type_checker_knows_the_proxy(tmp_path, amount, answer, found):
    (tmp_path / "use.py").write_text(USE.format(amount=amount, answer=answer))
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file", ROOT / "pyproject.toml", tmp_path / "use.py"]
    assert found in subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout


# -- what the script can write ----------------------------------------------------------------------------------------


class Mixed:
    def inherited(self, first: int, /, *rest: Path, last: bool = True, **named: str) -> dict[str, Path]:
        """Return it."""


class Shop(Mixed):
    def __init__(self) -> None:
        self.place: Path = ROOT

    @property
    def open_today(self) -> bool:
        """Tell whether it is open."""

    def found(self, wanted: str = "a") -> Segment:
        """Return what was found."""

    def drawn(self, limit: int | None = None) -> Iterator[Path]:
        """Yield each.

        In their order.
        """


WRITTEN = {
    "inherited": """    async def inherited(self, first: int, /, *rest: Path, last: bool = True, **named: str) -> dict[str, Path]:
        \"\"\"Return it.\"\"\"
        return await self._threads.run(self._shop.inherited, first, *rest, last=last, **named)
""",
    "place": """    @property
    def place(self) -> Path:
        \"\"\"The `place` of Shop.\"\"\"
        return self._shop.place
""",
    "open_today": """    @property
    def open_today(self) -> bool:
        \"\"\"Tell whether it is open.\"\"\"
        return self._shop.open_today
""",
    "found": """    async def found(self, wanted: str = 'a') -> AsyncSegment:
        \"\"\"Return what was found.\"\"\"
        return AsyncSegment(await self._threads.run(self._shop.found, wanted), self._threads)
""",
    "drawn": """    def drawn(self, limit: int | None = None) -> AsyncIterator[Path]:
        \"\"\"Yield each.

        In their order.
        \"\"\"
        return self._threads.drawn(self._shop.drawn, limit)
""",
}


def test_every_kind_of_member_is_written(tool):
    found = tool["members"](Shop)
    assert {name: tool["_member"](one, "self._shop") for name, one in found.items()} == WRITTEN


class Unannotated:
    def __init__(self) -> None:
        self.place = ROOT


class Entered:
    @contextmanager
    def entered(self) -> Iterator[None]:
        """Hold it."""
        yield


class Several:
    def several(self) -> list[Segment]:
        """Return some."""


class Constant:
    PLACE = 1


class Defaulted:
    def place(self, at: Path = ROOT) -> None:
        """Place it."""


@pytest.mark.parametrize("cls", [Unannotated, Entered, Several, Constant, Defaulted])
def test_what_cannot_be_written_is_refused(tool, cls):
    with pytest.raises(tool["Unwritable"]):
        [tool["_member"](one, "self._it") for one in tool["members"](cls).values()]


def test_a_name_that_means_two_things_is_refused(tool):
    both = {"from datetime import time as Time", "from crmcore.model.verbs import Time"}
    with pytest.raises(tool["Unwritable"], match="Time means different things"):
        tool["_settled"]({"Time": both})
    same = {"from crmcore.errors import CRMError", "from crmcore import CRMError"}
    assert tool["_settled"]({"CRMError": same}) == "from crmcore import CRMError"
