"""Customers that are probably one: a pair, how probable it is, and why."""

from __future__ import annotations

import attrs

from crmcore.model.identity import Identity


@attrs.frozen(kw_only=True)
class Reason:
    """One field in which two customers were compared.

    Attributes: `field` (name, email, phone, birth_date, address); `agreement` in words ("same", "similar", "differs", ...);
    `similarity` in 0..1; `bits`, by which it makes the pair more probable (+1 doubles the odds) or less.
    """

    field: str
    agreement: str
    similarity: float
    bits: float


@attrs.frozen(kw_only=True)
class Side:
    """One customer of a pair; `key` is the host's id, None for an anonymous one; `name` as it is known, or empty."""

    id: int
    key: str | None
    name: str
    identities: tuple[Identity, ...]


@attrs.frozen(kw_only=True)
class Duplicate:
    """Two customers that are probably one.

    Attributes: `score`, the probability of it in 0..1 as far as the fields can tell; `household`, that of being two people
    of one household instead; `reasons`, what says most first; `contradictions`, pairs of identities that
    were said to be one and could not join the two, as both are known by a key.
    """

    score: float
    household: float
    one: Side
    other: Side
    reasons: tuple[Reason, ...]
    contradictions: tuple[tuple[Identity, Identity], ...]


@attrs.frozen(kw_only=True)
class Skipped:
    """Groups of customers that share too common a thing to be compared with one another for it.

    Attributes: `kind` of what is shared; how many `groups` and `pairs` that is; the size of the `largest` group and what
    it shares, `example`. A pair of such a group is compared all the same where it shares something else.
    """

    kind: str
    groups: int
    pairs: int
    largest: int
    example: str


@attrs.frozen(kw_only=True)
class Duplicates:
    """What a search for duplicates found: the pairs, best first, how much was looked at, and what was skipped."""

    pairs: tuple[Duplicate, ...]
    customers: int
    compared: int
    skipped: tuple[Skipped, ...]
