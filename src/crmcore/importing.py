"""The part of a CRM that takes files in: guessed, tried, imported, corrected, taken back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from crmcore.facet import Facet
from crmcore.flow.progress import Progress, quiet

if TYPE_CHECKING:
    from crmcore.flow.importing.guessing import Guess
    from crmcore.flow.importing.mapping import ColumnMap, Kind
    from crmcore.flow.importing.previewing import Preview
    from crmcore.flow.importing.running import Imported
    from crmcore.flow.importing.undoing import Undone
    from crmcore.store.imports import ImportView


class Importing(Facet):
    """Imports of CSV, XLSX and Arrow files, each known by an id."""

    def guess_mapping(self, path: Path, kind: Kind, **given: Any) -> Guess:
        """Return the mapping a file of customers, orders, events, consents or accounts seems to need; nothing is written.

        `given` holds values of the mapping that are known, such as currency="EUR". Raise InvalidFile where a column
        cannot be found.
        """
        from crmcore.flow.importing import guessing

        return guessing.guess(path, kind, given)

    def preview_import(self, path: Path, mapping: ColumnMap, limit: int = 100, progress: Progress = quiet) -> Preview:
        """Return what an import would do, the first `limit` lines field by field; nothing is written.

        Raise InvalidFile where the file cannot be read, or lacks a column.
        """
        from crmcore.flow.importing import previewing

        self._fold()
        return previewing.preview(self._opened.reading, path, mapping, limit, progress)

    def import_file(self, path: Path, mapping: ColumnMap, progress: Progress = quiet) -> Imported:
        """Import a CSV, XLSX or Arrow file by a mapping of its columns; the same file again changes nothing. Raise InvalidFile.

        A line that does not fit is refused with its reason and the rest goes on. Interrupted, the same call goes on.
        """
        from crmcore.flow.importing import running

        self._fold()
        return running.run(self._opened.write, path, mapping, progress)

    def imports(self, limit: int = 100) -> list[ImportView]:
        """Return the imports, the latest first."""
        from crmcore.store import imports

        with self._opened.reading() as scope:
            return imports.views(scope, limit)

    def write_refused(self, import_id: int, path: Path) -> int:
        """Write the lines an import has refused to a CSV file, each with its reason; return how many they are.

        Corrected there and imported by the same mapping, only those lines are taken. Raise UnknownImport, InvalidFile.
        """
        from crmcore.flow.importing import marks
        from crmcore.store import imports

        with self._opened.reading() as scope:
            begun = imports.load(scope, import_id)
            lines = imports.refused(scope, import_id)
            return marks.write(path, begun.header, begun.delimiter, import_id, lines)

    def undo_import(self, import_id: int, progress: Progress = quiet) -> Undone:
        """Take an import back: former values stand again, but where something newer was written.

        Raise UnknownImport, AlreadyUndone. Interrupted, the same call goes on.
        """
        from crmcore.flow.importing import undoing

        self._fold()
        return undoing.undo(self._opened.write, import_id, progress)
