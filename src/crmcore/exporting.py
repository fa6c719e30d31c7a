"""The part of a CRM that gives out all there is, as files that take it elsewhere or back in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from crmcore.facet import Facet
from crmcore.flow.progress import Progress, quiet

if TYPE_CHECKING:
    from crmcore.flow.exporting.running import Exported, ExportKind


class Exporting(Facet):
    """Exports to CSV and Arrow files."""

    def export_file(self, kind: ExportKind, path: Path, progress: Progress = quiet) -> Exported:
        """Write all customers, events or deliveries to a .csv, .csv.gz, .arrow, .feather or .ipc file.

        A file that is there is written over, once the new one is whole. Imports read files of customers and events back.
        Raise InvalidName, InvalidFile, MissingExtra.
        """
        from crmcore.flow.exporting import running

        self._fold()
        with self._opened.reading() as scope:
            return running.run(scope, kind, path, progress)
