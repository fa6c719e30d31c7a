"""Alembic's entry: runs revisions on the connection it is handed, or writes down what they would run on a dialect."""

from __future__ import annotations

from alembic import context

given = context.config.attributes
target = {"dialect_name": given["dialect"], "literal_binds": True} if context.is_offline_mode() else {}
context.configure(
    connection=given["connection"],
    target_metadata=given["metadata"],
    version_table=given["version_table"],
    render_as_batch=True,
    **target,
)
with context.begin_transaction():
    context.run_migrations()
