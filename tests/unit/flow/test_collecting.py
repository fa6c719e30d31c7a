"""Whether garbage is looked for is afterwards as it was before."""

from __future__ import annotations

import gc

import pytest

from crmcore.flow.upkeep.collecting import uncollected


@pytest.fixture(params=[True, False], ids=["on", "off"])
def is_on(request):
    (gc.enable if request.param else gc.disable)()
    yield request.param
    gc.enable()


def test_garbage_is_left_alone_meanwhile_and_no_longer(is_on):
    with uncollected():
        assert not gc.isenabled()
    assert gc.isenabled() == is_on


def test_so_it_is_where_something_is_raised(is_on):
    with pytest.raises(ZeroDivisionError), uncollected():
        raise ZeroDivisionError
    assert gc.isenabled() == is_on
