"""Count live models along an index."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("model", schema=None) as batch_op:
        batch_op.create_index(
            "ix_model_closed",
            ["id"],
            unique=False,
            sqlite_where=sa.text("(gone_at IS NOT NULL OR restricted_at IS NOT NULL)"),
            postgresql_where=sa.text("(gone_at IS NOT NULL OR restricted_at IS NOT NULL)"),
        )

    with op.batch_alter_table("model_version", schema=None) as batch_op:
        batch_op.create_index(
            "ix_model_version_unready",
            ["model_id"],
            unique=False,
            sqlite_where=sa.text("status <> 'READY'"),
            postgresql_where=sa.text("status <> 'READY'"),
        )


def downgrade() -> None:
    with op.batch_alter_table("model_version", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_model_version_unready",
            sqlite_where=sa.text("status <> 'READY'"),
            postgresql_where=sa.text("status <> 'READY'"),
        )

    with op.batch_alter_table("model", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_model_closed",
            sqlite_where=sa.text("(gone_at IS NOT NULL OR restricted_at IS NOT NULL)"),
            postgresql_where=sa.text("(gone_at IS NOT NULL OR restricted_at IS NOT NULL)"),
        )
