"""Where Alembic meets Countersign: on a connection that `app.migrate` has opened and locked."""

from __future__ import annotations

from alembic import context

from app.migrate import options

context.configure(connection=context.config.attributes["connection"], **options())
with context.begin_transaction():
    context.run_migrations()
