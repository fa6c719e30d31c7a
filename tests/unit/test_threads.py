"""Worker threads for callers that await."""

from __future__ import annotations

import asyncio
import os
import threading
from contextvars import ContextVar

import pytest

from crmcore.threads import BATCH, THREADS, Threads

pytestmark = pytest.mark.anyio
WHO = ContextVar("WHO", default="nobody")


@pytest.fixture
def threads():
    made = Threads()
    yield made
    made.close()


async def test_a_call_runs_in_a_thread_of_its_own_and_returns_what_it_returns(threads):
    assert await threads.run(divmod, 7, 2) == (3, 1)
    assert await threads.run(threading.get_ident) != threading.get_ident()


async def test_what_a_call_raises_is_raised_to_its_caller(threads):
    with pytest.raises(ZeroDivisionError):
        await threads.run(divmod, 1, 0)


async def test_a_call_sees_the_context_variables_of_its_caller(threads):
    WHO.set("ada")
    assert await threads.run(WHO.get) == "ada"


async def test_no_thread_is_started_before_the_first_call():
    before = threading.active_count()
    Threads().close()
    assert threading.active_count() == before


async def test_threads_that_were_closed_start_anew(threads):
    await threads.run(int)
    threads.close()
    assert await threads.run(int) == 0


async def test_a_call_that_has_begun_goes_on_when_its_caller_is_cancelled(threads):
    begun, released, done = threading.Event(), threading.Event(), threading.Event()

    def call():
        begun.set()
        released.wait()
        done.set()

    caller = asyncio.create_task(threads.run(call))
    await asyncio.to_thread(begun.wait)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert not done.is_set()
    released.set()
    threads.close()
    assert done.is_set()


async def test_a_call_that_waits_for_a_thread_is_never_made_when_its_caller_is_cancelled(threads):
    all_busy, released, made = threading.Barrier(THREADS + 1), threading.Event(), threading.Event()

    def call():
        all_busy.wait()
        released.wait()

    busy = [asyncio.create_task(threads.run(call)) for _ in range(THREADS)]
    await asyncio.to_thread(all_busy.wait)
    late = asyncio.create_task(threads.run(made.set))
    await asyncio.wait([late], timeout=0)
    late.cancel()
    with pytest.raises(asyncio.CancelledError):
        await late
    released.set()
    await asyncio.gather(*busy)
    threads.close()
    assert not made.is_set()


async def test_an_iterator_is_drawn_to_its_end_in_its_order(threads):
    assert [one async for one in threads.drawn(iter, range(2 * BATCH + 1))] == list(range(2 * BATCH + 1))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks here")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # Python warns of what is tested here
def test_a_fork_starts_threads_of_its_own(threads):
    asyncio.run(threads.run(int))
    child = os.fork()
    if child == 0:
        try:
            os._exit(asyncio.run(asyncio.wait_for(threads.run(int, "7"), 10)))
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
