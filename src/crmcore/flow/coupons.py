"""Codes for messages: each that may go gets one of its own, in the transaction that plans it."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Mapping, Sequence

import attrs

from crmcore.errors import CouponSourceFailed, InvalidValue, UnknownCouponSource
from crmcore.hooks.coupon import CouponSource
from crmcore.model.campaign import Campaign
from crmcore.model.delivery import Reason
from crmcore.model.values import checked_text, to_json
from crmcore.store import coupons
from crmcore.store.coupons import Pool
from crmcore.store.deliveries import Planned, Unit
from crmcore.store.scope import Scope

#: What a template sees as `message.coupon` where no code is given out: at the trial before a launch, and of the held-out.
TRIAL, NONE = "TRIAL", ""
#: A generator is asked for so many at least, and so often before it is taken to have no more.
AT_LEAST, TRIES = 1000, 5
LONGEST = 200
log = logging.getLogger("crmcore.campaigns")

Sources = Mapping[str, CouponSource]


def with_codes(scope: Scope, sources: Sources, name: str, planned: Sequence[Planned]) -> list[Planned]:
    """Return deliveries with a code of a source for each message; where none is left they are skipped. They have ids.

    Whoever is held out, or has no address, takes no code; to however many addresses a message goes, it has one.
    """
    first: dict[Unit, int] = {}
    for one in planned:
        if one.address_id and not one.held_out:
            first.setdefault(one.unit, one.id)
    given = _reserved(scope, sources.get(name), name, list(first.values()))
    codes = {unit: given[one] for unit, one in first.items() if one in given}
    return [_with_code(one, codes.get(one.unit)) for one in planned]


def _with_code(one: Planned, code: str | None) -> Planned:
    if code is None and not one.held_out:
        return attrs.evolve(one, skipped=Reason.NO_COUPON)
    return attrs.evolve(one, fields=to_json({"coupon": code or NONE}, "message.coupon"))


def _reserved(scope: Scope, source: CouponSource | None, name: str, wanted: Sequence[int]) -> dict[int, str]:
    """Return the codes by delivery; whom there was none left for is not in it."""
    given = _give(scope, wanted, coupons.unclaimed(scope, name, len(wanted)))
    if source is not None:
        return given | _generated(scope, source, name, wanted[len(given) :])
    left = wanted[len(given) :]
    return given | (_give(scope, left, coupons.free_at_last(scope, name, len(left))) if left else {})


def _give(scope: Scope, wanted: Sequence[int], found: Sequence[tuple[int, str]]) -> dict[int, str]:
    given = list(zip(found, wanted, strict=False))
    coupons.reserve(scope, [(coupon_id, delivery_id) for (coupon_id, _), delivery_id in given])
    return {delivery_id: code for (_, code), delivery_id in given}


def _generated(scope: Scope, source: CouponSource, name: str, wanted: Sequence[int]) -> dict[int, str]:
    given: dict[int, str] = {}
    for _ in range(TRIES):
        left = wanted[len(given) :]
        if not left:
            break
        coupons.add(scope, name, _codes(source, name, max(len(left), AT_LEAST), _seed(scope, name)))
        given |= _give(scope, left, coupons.unclaimed(scope, name, len(left)))
    if len(given) < len(wanted):
        log.warning("the coupon source %s brings no codes that are new; %d are lacking", name, len(wanted) - len(given))
    return given


def _codes(source: CouponSource, name: str, count: int, seed: int) -> list[str]:
    try:
        return [checked(code) for code in source.codes(count, seed)]
    except Exception as error:
        raise CouponSourceFailed(source=name, problem=f"{type(error).__name__}: {error}") from error


def _seed(scope: Scope, name: str) -> int:
    """Return a seed that is never the same twice; whoever knows one code finds out no other."""
    said = f"{scope.new_id()}:{name}".encode()
    digest = hashlib.blake2b(said, digest_size=8, key=scope.secret, person=b"coupons").digest()
    return int.from_bytes(digest, "big") >> 1


def checked(code: str) -> str:
    """Return a code without the space around it; raise InvalidValue where it is none."""
    if not isinstance(code, str) or not 0 < len(code.strip()) <= LONGEST:
        raise InvalidValue(place="coupon", problem=f"a code is a text of 1 to {LONGEST} characters")
    return checked_text(code.strip(), "coupon")


def check(scope: Scope, campaign: Campaign, sources: Sources) -> None:
    """Raise UnknownCouponSource where a step gives out codes of which there are none."""
    for step in campaign.sends:
        if step.coupon and step.coupon not in sources and not coupons.is_known(scope, step.coupon):
            place = f"campaign {campaign.name}, step {step.name}"
            known = ", ".join(one.source for one in pools(scope, sources)) or "none"
            raise UnknownCouponSource(place=place, name=step.coupon, known=known)


def pools(scope: Scope, sources: Iterable[str]) -> list[Pool]:
    """Return what each source has in its pool, by name; that of a plugin may have had nothing to do yet."""
    found = {one.source: one for one in coupons.pools(scope)}
    unused = {name: Pool(source=name, free=0, reserved=0, redeemed=0) for name in sources}
    return [one for _, one in sorted((unused | found).items())]
