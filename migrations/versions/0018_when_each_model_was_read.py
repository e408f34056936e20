"""When each model was read."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:

    op.add_column("model", sa.Column("read_until", sa.DateTime(timezone=True), nullable=True))
    # The search has an index of its own. Both kinds of database can drop a column in place.
    op.execute("ALTER TABLE model DROP COLUMN searched")


def downgrade() -> None:

    op.add_column("model", sa.Column("searched", sa.Text(), nullable=False, server_default=""))
    op.execute("ALTER TABLE model DROP COLUMN read_until")
