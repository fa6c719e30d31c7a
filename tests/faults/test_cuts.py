"""Whatever a server does, at whatever step: every message is accounted for, and the worker goes on."""

from __future__ import annotations

import pytest

from tests.faults import world as scene
from tests.faults.auditing import audit
from tests.faults.books import Books
from tests.faults.mishaps import BREAKS, Broken, is_refusal, refused
from tests.faults.sinks import sinks
from tests.faults.trap import Armed
from tests.faults.world import LEASE, ShiftedClock, World

TIMEOUT = 0.1
#: Deliveries that are worked on while a server does one thing wrong.
SOME = 4
LAST = {"smtp": "mail", "http": "note"}


def breaks(sink):
    return [
        Broken(sink=sink, stage=stage, how=how, step=1 + (stage not in ("connect", "ehlo", "quit")))
        for of, stage, how in BREAKS
        if of == sink
    ]


@pytest.mark.parametrize("sink", ["smtp", "http"])
@pytest.mark.parametrize("kind", ["offer", "order"])
def test_every_message_is_accounted_for_whatever_a_server_does(database, sink, kind):
    name = f"{LAST[sink]}_{kind}"
    url = f"sqlite:///{database}"
    faults, clock = breaks(sink), ShiftedClock()
    customers = SOME * (len(faults) + 8)
    eligible = {name: {str(n) for n in range(customers)}}
    with sinks() as ends:
        with ends.smtp, ends.http:
            world = World(database=url, smtp=ends.smtp.port, http=ends.http.port, timeout=TIMEOUT)
            with scene.opened(world, clock) as crm, Books(url, crm, eligible) as books:
                scene.populate(crm, customers)
                scene.launch(crm, 1, [name])
                for fault in faults:
                    ends.traps[sink].arm(Armed(stage=fault.stage, step=fault.step, act=lambda how=fault.how: how))
                    while ends.traps[sink].is_armed:
                        assert books.waiting(), fault
                        crm.work(limit=SOME)
                        books.ask()
                        clock.offset += LEASE
                while books.waiting():
                    clock.offset += LEASE
                    crm.work()
                found = books.rows()
        findings = audit(
            found,
            ends.arrivals(),
            eligible=eligible,
            reachable={name: scene.reachable(name, customers)},
            refused=sum(map(refused, faults)),
            strikes=sum(not is_refusal(fault) for fault in faults),
            exposed=1,
        )
    assert findings.is_clean, findings
    assert books.unbalanced == 0
