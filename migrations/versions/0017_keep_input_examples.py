"""Keep input examples."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:

    op.create_table(
        "input_example",
        sa.Column("version_id", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["version_id"], ["model_version.id"]),
        sa.PrimaryKeyConstraint("version_id"),
    )
    # The files of the versions that are known are read once more, at the worker's next looks.
    op.execute("UPDATE model_version SET is_detailed = false WHERE gone_at IS NULL")


def downgrade() -> None:

    op.drop_table("input_example")
