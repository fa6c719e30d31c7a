"""The part of a CRM that holds sources to what they declare: tracking plans, quarantine, and what has been seen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from crmcore.facet import Facet
from crmcore.flow.progress import Progress, quiet

if TYPE_CHECKING:
    from crmcore.flow.replaying import Replayed
    from crmcore.model.comparing import Difference
    from crmcore.model.seen import SeenSource
    from crmcore.model.tracking import Source
    from crmcore.store.declarations import Declaration
    from crmcore.store.quarantine import Quarantined


class Tracking(Facet):
    """Sources, their tracking plans, and what does not fit them."""

    def declare_source(self, source: Source | Mapping[str, Any]) -> Declaration:
        """Declare what a source sends, in place of what it declared before; the same again changes nothing.

        `source` is a value, or plain data as TOML and JSON hold them. From then on its events and identify statements that
        do not fit wait in quarantine, with the reason. Raise InvalidTrackingPlan naming the place and the fix.
        """
        from crmcore.store import declarations

        plan = declarations.source_of(source) if isinstance(source, Mapping) else source
        return self._opened.write(lambda scope: declarations.declare(scope, plan))

    def declarations(self) -> list[Declaration]:
        """Return what sources declare, by their names."""
        from crmcore.store import declarations

        with self._opened.reading() as scope:
            return declarations.all_declared(scope)

    def schema(self, source: str | None = None, progress: Progress = quiet) -> list[SeenSource]:
        """Return what one source, or each, has sent: names, types, counts, first and last seen. Raise UnknownSource.

        The whole log is read for it.
        """
        from crmcore.flow import describing

        self._fold()
        with self._opened.reading() as scope:
            return describing.describe(scope, source, progress)

    def schema_diff(
        self, source: str | Source | Mapping[str, Any] | None = None, progress: Progress = quiet
    ) -> list[Difference]:
        """Return where what a source (or each) has sent differs from what it declares.

        Given a plan, as a value or plain data, it says what would differ if this were declared. Raise UnknownSource,
        UndeclaredSource, InvalidTrackingPlan.
        """
        from crmcore.flow import describing
        from crmcore.store import declarations

        plan = declarations.source_of(source) if isinstance(source, Mapping) else source
        self._fold()
        with self._opened.reading() as scope:
            return describing.compare(scope, plan, progress)

    def quarantine(self, limit: int = 100, source: str | None = None) -> list[Quarantined]:
        """Return what did not fit and waits, the latest first, of one source or of all. Raise UnknownSource."""
        from crmcore.store import quarantine, sources

        self._fold()
        with self._opened.reading() as scope:
            return quarantine.latest(scope, limit, None if source is None else sources.source_id(scope, source))

    def replay(self, source: str | None = None, progress: Progress = quiet) -> Replayed:
        """Take what waits in quarantine again, of one source or of all: what fits by now is taken, the rest stays.

        Events keep their own time, and one that has come in since under the same message id is not taken twice.
        Interrupted, the same call goes on. Lines of imports stay: correct them in the file of refused lines and import
        that. Raise UnknownSource.
        """
        from crmcore.flow import replaying

        self._fold()
        return replaying.replay(self._opened.write, self._opened.reading, source, progress)
