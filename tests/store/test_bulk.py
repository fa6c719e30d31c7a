"""Many rows at once say what each row by itself would say, whatever is in them."""

from __future__ import annotations

from itertools import product

from crmcore.store import bulk, schema

SIGNS = (
    "",
    " ",
    '"',
    "'",
    "\\",
    "{",
    "}",
    ",",
    "NULL",
    "\n",
    "\t",
    "%s",
    ":a",
    "\\x41",
    "\u00e9",
    "\u2028",
    "\U0001f600",
)
TEXTS = sorted({one + other for one, other in product(SIGNS, repeat=2)})
BYTES = sorted({bytes([one, other]) for one, other in product((0, 1, 34, 44, 92, 120, 125, 255), repeat=2)})


def test_any_text_is_written_found_and_written_again(crm):
    rows = [(1, name, number) for number, name in enumerate(TEXTS)]
    columns = ("customer_id", "name", "at")

    def written(scope):
        return bulk.insert_new(scope, schema.tag, columns, rows), bulk.insert_new(scope, schema.tag, columns, rows)

    assert crm._opened.write(written) == (len(TEXTS), 0)
    with crm._opened.reading() as scope:
        assert sorted(name for (name,) in bulk.select_in(scope, schema.tag, ("name",), {}, "name", TEXTS)) == TEXTS


def test_any_bytes_are_written_and_found(crm):
    columns = ("message_id", "event_id", "received_at")
    rows = [(one, number, 1) for number, one in enumerate(BYTES)]
    assert crm._opened.write(lambda scope: bulk.insert_new(scope, schema.message_id, columns, rows)) == len(BYTES)
    with crm._opened.reading() as scope:
        found = bulk.select_bytes(scope, schema.message_id, ("message_id",), "message_id", BYTES)
    assert sorted(bytes(one) for (one,) in found) == BYTES


def test_what_is_null_in_some_rows_stays_so(crm):
    columns = ("id", "kind", "value", "customer_id", "origin_id", "hash", "detail", "created_at", "removed_at")
    removed = {number: None if number % 2 else number for number in range(1, 61)}
    rows = [(one, "x", f"v{one}", 1, one, b"hash", "{}", 1, at) for one, at in removed.items()]
    crm._opened.write(lambda scope: bulk.insert(scope, schema.identity, columns, rows, bulk.NEW_ONLY))
    with crm._opened.reading() as scope:
        found = bulk.select_in(scope, schema.identity, ("id", "removed_at"), {"kind": "x"}, "id", list(removed))
    assert dict(map(tuple, found)) == removed
