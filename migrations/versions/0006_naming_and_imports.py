"""Naming rules and imports of the inventory."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_UNCLASSIFIED = sa.text("gone_at IS NULL AND (owner_id = '' OR domain = '' OR task = '')")


def upgrade() -> None:
    op.create_table(
        "inventory_import",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("changed", sa.Integer(), nullable=False),
        sa.Column("imported_by", sa.String(), nullable=False),
        sa.Column("imported_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("inventory_import", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_inventory_import_digest"), ["digest"], unique=False)

    op.create_table(
        "naming_rule",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("domain", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("template", sa.String(), nullable=False),
        sa.Column("message", sa.String(), nullable=False),
        sa.Column("example", sa.String(), nullable=False),
        sa.Column("published_by", sa.String(), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("naming_rule", schema=None) as batch_op:
        batch_op.create_index(
            "ux_naming_rule_in_force",
            ["domain"],
            unique=True,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )
        batch_op.create_index("ux_naming_rule_version", ["domain", "version"], unique=True)

    op.create_table(
        "inventory_change",
        sa.Column("import_id", sa.String(), nullable=False),
        sa.Column("model_id", sa.String(), nullable=False),
        sa.Column("before", sa.Text(), nullable=False),
        sa.Column("after", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["import_id"], ["inventory_import.id"]),
        sa.ForeignKeyConstraint(["model_id"], ["model.id"]),
        sa.PrimaryKeyConstraint("import_id", "model_id"),
    )
    with op.batch_alter_table("inventory_change", schema=None) as batch_op:
        batch_op.create_index("ix_inventory_change_model", ["model_id"], unique=False)

    with op.batch_alter_table("model", schema=None) as batch_op:
        batch_op.create_index(
            "ix_model_unclassified",
            ["name"],
            unique=False,
            sqlite_where=_UNCLASSIFIED,
            postgresql_where=_UNCLASSIFIED,
        )


def downgrade() -> None:
    with op.batch_alter_table("model", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_model_unclassified", sqlite_where=_UNCLASSIFIED, postgresql_where=_UNCLASSIFIED
        )

    with op.batch_alter_table("inventory_change", schema=None) as batch_op:
        batch_op.drop_index("ix_inventory_change_model")

    op.drop_table("inventory_change")
    with op.batch_alter_table("naming_rule", schema=None) as batch_op:
        batch_op.drop_index("ux_naming_rule_version")
        batch_op.drop_index(
            "ux_naming_rule_in_force",
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )

    op.drop_table("naming_rule")
    with op.batch_alter_table("inventory_import", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_inventory_import_digest"))

    op.drop_table("inventory_import")
