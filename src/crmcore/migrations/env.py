"""Alembic's entry: runs the revisions on the connection it is handed, with a version table of crmcore's own."""

from __future__ import annotations

from alembic import context

from crmcore.migrations import VERSION_TABLE
from crmcore.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
