"""Where a model stands and what it is for."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "use_case",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("domain", sa.String(), nullable=False),
        sa.Column("business_owner_id", sa.String(), nullable=False),
        sa.Column("regulatory_class", sa.String(), nullable=False),
        sa.Column("tier", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("proposed_by", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("use_case", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_use_case_domain"), ["domain"], unique=False)
        batch_op.create_index(batch_op.f("ix_use_case_name"), ["name"], unique=True)
        batch_op.create_index(batch_op.f("ix_use_case_status"), ["status"], unique=False)

    with op.batch_alter_table("model", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("use_case_id", sa.String(), nullable=False, server_default="")
        )
        batch_op.add_column(sa.Column("tier", sa.String(), nullable=False, server_default=""))
        batch_op.add_column(
            sa.Column("regulatory_class", sa.String(), nullable=False, server_default="")
        )
        batch_op.add_column(sa.Column("stage", sa.String(), nullable=False, server_default=""))
    # What is there already stands nowhere yet; what comes says so itself.
    with op.batch_alter_table("model", schema=None) as batch_op:
        batch_op.alter_column("use_case_id", server_default=None)
        batch_op.alter_column("tier", server_default=None)
        batch_op.alter_column("regulatory_class", server_default=None)
        batch_op.alter_column("stage", server_default=None)
        batch_op.create_index(
            batch_op.f("ix_model_regulatory_class"), ["regulatory_class"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_model_stage"), ["stage"], unique=False)
        batch_op.create_index(batch_op.f("ix_model_tier"), ["tier"], unique=False)
        batch_op.create_index(batch_op.f("ix_model_use_case_id"), ["use_case_id"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("model", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_model_use_case_id"))
        batch_op.drop_index(batch_op.f("ix_model_tier"))
        batch_op.drop_index(batch_op.f("ix_model_stage"))
        batch_op.drop_index(batch_op.f("ix_model_regulatory_class"))
        batch_op.drop_column("stage")
        batch_op.drop_column("regulatory_class")
        batch_op.drop_column("tier")
        batch_op.drop_column("use_case_id")

    with op.batch_alter_table("use_case", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_use_case_status"))
        batch_op.drop_index(batch_op.f("ix_use_case_name"))
        batch_op.drop_index(batch_op.f("ix_use_case_domain"))

    op.drop_table("use_case")
