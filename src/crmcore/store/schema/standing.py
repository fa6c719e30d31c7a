"""What is true of each customer as far as live segments ask: kept with every change, made again from the log."""

from __future__ import annotations

from crmcore.store.schema.columns import keyed, maybe_number, number, partial, words

#: Which atoms (leaves of conditions) hold for a customer, when each may change by time alone, and when each turns over for
#: good, as JSON `[[atoms that hold], [atom, time, atom, time, ...], [atom, time, ...]]`, by number, up to `generation`.
#: `due_at` is the earliest time.
standing = keyed(
    "standing",
    ("customer_id",),
    number("customer_id"),
    number("generation"),
    words("truths"),
    maybe_number("due_at"),
    partial("ix_standing_due", ("due_at",), "due_at IS NOT NULL"),
)

#: One row a workspace that has live segments: `generation` grows with every change of a definition, `filled` is the one
#: up to which every customer has been looked at, `reached` the customer up to whom that is so for the next, `numbered` how
#: many atoms have been given a number.
segment_plan = keyed("segment_plan", (), number("generation"), number("filled"), number("reached"), number("numbered"))

#: What an atom is called in standings, of whom it is asked (of those for whom one of some other atoms holds, or "*"), and
#: since which generation it is asked of as many; `failed_at` since when it has had no answer for somebody. No number is
#: given twice.
segment_atom = keyed(
    "segment_atom",
    ("atom",),
    words("atom"),
    number("number"),
    words("under"),
    number("since"),
    maybe_number("failed_at"),
)
