"""How carriers count: token buckets over microseconds that come from outside."""

from __future__ import annotations

import attrs

from crmcore.model.time import SECOND


@attrs.define(kw_only=True)
class Bucket:
    """At most `count` per `per` microseconds; up to `burst` at once after a pause (0: `count`).

    It is the generic cell rate algorithm (ITU-T I.371): one number says when the bucket will be full again.
    """

    count: int
    per: int = SECOND
    burst: int = 0
    _full_at: int = attrs.field(default=0, init=False)

    def take(self, now: int) -> bool:
        """Take one, and tell whether there was one."""
        interval = self.per // self.count
        if self._full_at - now > ((self.burst or self.count) - 1) * interval:
            return False
        self._full_at = max(self._full_at, now) + interval
        return True

    def wait(self, now: int) -> int:
        """Return in how many microseconds there will be one."""
        interval = self.per // self.count
        return max(0, self._full_at - now - ((self.burst or self.count) - 1) * interval)


@attrs.define(kw_only=True)
class Borrowing:
    """One per `per` microseconds; within one such span up to `burst` may be borrowed, and are waited for afterwards."""

    per: int
    burst: int
    _since: int = attrs.field(default=0, init=False)
    _until: int = attrs.field(default=0, init=False)

    def take(self, now: int) -> bool:
        """Take one, and tell whether it was there or could be borrowed."""
        if now >= self._until:
            self._since, self._until = now, now + self.per
            return True
        owed = (self._until - self._since) // self.per
        if now - self._since >= self.per or owed >= self.burst:
            return False
        self._until += self.per
        return True
