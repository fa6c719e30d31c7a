"""What a module holds that is not loaded cannot be asked for: nobody is told that all is gone, or given out, while it is not."""

from __future__ import annotations

import pytest

from crmcore import CRM
from crmcore.errors import ModulesAbsent
from crmcore.loader import installed
from tests.flow.modules.wallet import Wallet, coins, give


@pytest.fixture
def path(tmp_path):
    """A database in which a module that is not loaded any more knows Ada."""
    with CRM(str(tmp_path / "crm.db"), plugins={"crm_wallet": Wallet()}, blocked=installed()) as crm:
        crm.identify("ada")
        crm.in_tables(lambda tables: give(tables, crm.customer("ada").id, 1, "a coin of Ada"))
    return tmp_path / "crm.db"


@pytest.mark.parametrize("ask", [CRM.export, CRM.erase])
def test_nothing_is_done_while_a_module_with_tables_is_not_loaded(path, ask):
    with CRM(str(path), blocked=installed()) as crm:
        with pytest.raises(ModulesAbsent, match="wallet have tables in this database and are not loaded"):
            ask(crm, "ada")
        assert crm.customer("ada").key == "ada"
        assert crm.audit() == []


def test_a_module_may_be_left_out_on_purpose(path):
    with CRM(str(path), blocked=installed()) as crm:
        assert crm.export("ada", without=["wallet"])["modules"] == {}
        assert crm.erase("ada", without=["wallet"]).customers == 1


def test_once_it_is_loaded_again_all_is_gone(path):
    with CRM(str(path), plugins={"crm_wallet": Wallet()}, blocked=installed()) as crm:
        ada = crm.customer("ada").id
        assert crm.erase("ada").modules == {"wallet": 1}
        assert crm.in_tables(lambda tables: coins(tables, ada)) == []
