"""Ctrl-C stops long work between two transactions, never within one."""

from __future__ import annotations

import signal

import pytest

from crmcore.cli.output import Context, progress


@pytest.fixture
def context():
    return Context(database=None, workspace=None, config=None, as_json=True)


def test_ctrl_c_waits_until_the_work_tells_how_far_it_is(context):
    with pytest.raises(KeyboardInterrupt), progress(context, "working") as tell:
        tell(1, 3)
        signal.raise_signal(signal.SIGINT)
        within_a_transaction = True
        tell(2, 3)
    assert within_a_transaction


def test_ctrl_c_a_second_time_stops_at_once(context):
    signal_again = False
    with pytest.raises(KeyboardInterrupt), progress(context, "working"):
        signal.raise_signal(signal.SIGINT)
        signal_again = True
        signal.raise_signal(signal.SIGINT)
    assert signal_again


def test_ctrl_c_after_the_work_is_what_it_was(context):
    before = signal.getsignal(signal.SIGINT)
    with progress(context, "working"):
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before
