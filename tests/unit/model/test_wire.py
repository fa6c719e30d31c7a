"""A statement comes back from JSON as it was said."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmcore.model import verbs
from crmcore.model.identity import Identity
from crmcore.model.wire import NAMES, dumps, loads
from crmcore.testing.strategies import texts, values

NOW = 1_772_366_400_000_000
STATEMENTS = [
    verbs.event(NOW, "order_placed", {"key": "1", "email": "a@b.co"}, item="i", quantity=1.5, amount=5, currency="EUR"),
    verbs.event(NOW, "page_viewed", "1", properties={"x": 0.5}, message_id="m", ref="r", source="web"),
    verbs.identify(NOW, "1", {"age": 3}, tags=["vip"], untags=["new"], source="s"),
    verbs.group(NOW, "acme", name="Acme", attributes={"size": 3}, customer="1", role="buyer"),
    verbs.merge(NOW, {"anonymous": "x"}, "1", reason="login"),
    verbs.consent(NOW, "1", "retention", granted=False, proof={"ip": "127.0.0.1"}),
    verbs.subscribe(NOW, "1", "news", wanted=False),
    verbs.suppress(NOW, "1", address={"email": "a@b.co"}, reason="bounce", until=NOW + 1),
    verbs.send(
        NOW, "receipt", to={"key": "1", "email": "a@b.co"}, fields={"lines": [{"n": 1}]}, channel="email", key="k"
    ),
    verbs.send(NOW, "receipt", to="1", purpose="service", expires="1h"),
    verbs.offer(NOW, "sku", title="T", attributes={"colour": "red"}, stock=3),
]


@pytest.mark.parametrize("statement", STATEMENTS, ids=lambda one: NAMES[type(one)])
def test_every_verb_survives_the_way(statement):
    assert loads(NAMES[type(statement)], dumps(statement)) == statement


@given(st.dictionaries(st.from_regex("[a-z][a-z0-9_]{0,9}", fullmatch=True), values(), max_size=4), texts(10))
def test_any_fields_of_a_message_survive_the_way(fields, key):
    statement = verbs.send(NOW, "receipt", to="1", fields=fields, key=f"k{key}")
    assert loads("send", dumps(statement)) == statement


@given(st.dictionaries(st.from_regex("[a-z][a-z0-9_]{0,9}", fullmatch=True), values(), max_size=4), texts(10))
def test_any_attributes_survive_the_way(attributes, reason):
    names = {name: value for name, value in attributes.items() if name not in ("email", "phone")}
    statement = verbs.identify(NOW, Identity("key", f"k{len(reason)}"), names)
    assert loads("identify", dumps(statement)) == statement
