"""Keep what changes in MLflow, with the window in which it changed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "webhook_delivery",
        sa.Column("server", sa.String(), nullable=False),
        sa.Column("delivery", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("server", "delivery"),
    )
    with op.batch_alter_table("webhook_delivery", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_webhook_delivery_at"), ["at"], unique=False)

    op.create_table(
        "registry_change",
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("model_id", sa.String(), nullable=False),
        sa.Column("version_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("before", sa.Text(), nullable=False),
        sa.Column("after", sa.Text(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by_promotion", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["model_id"],
            ["model.id"],
        ),
        sa.PrimaryKeyConstraint("sequence"),
    )
    with op.batch_alter_table("registry_change", schema=None) as batch_op:
        batch_op.create_index("ix_registry_change_kind", ["model_id", "kind", "name"], unique=False)
        batch_op.create_index("ix_registry_change_model", ["model_id", "sequence"], unique=False)

    with op.batch_alter_table("mirror_state", schema=None) as batch_op:
        batch_op.add_column(sa.Column("crawled_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("crawl_began_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(
            sa.Column("crawl_read", sa.Integer(), server_default=sa.text("0"), nullable=False)
        )
        batch_op.add_column(sa.Column("models_mark", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("versions_mark", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(
            sa.Column("failures", sa.Integer(), server_default=sa.text("0"), nullable=False)
        )
        batch_op.add_column(sa.Column("open_until", sa.DateTime(timezone=True), nullable=True))

    with op.batch_alter_table("model", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("versions_seen_at", sa.DateTime(timezone=True), nullable=True)
        )
        batch_op.create_index("ix_model_made", ["server", "workspace", "created_at"], unique=False)

    with op.batch_alter_table("model_version", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("stage", sa.String(), server_default=sa.text("''"), nullable=False)
        )
        batch_op.add_column(
            sa.Column("artifact_digest", sa.String(), server_default=sa.text("''"), nullable=False)
        )
        batch_op.add_column(
            sa.Column("artifact_read_at", sa.DateTime(timezone=True), nullable=True)
        )

    # Where aliases point is known since they were seen there; where they pointed before is not.
    op.execute(
        "INSERT INTO registry_change "
        "(model_id, version_id, kind, name, before, after, since, until, by_promotion) "
        "SELECT model_id, version_id, 'alias', alias, '', CAST(number AS VARCHAR), NULL, since, '' "
        "FROM model_alias ORDER BY since, model_id, alias"
    )
    # Stages were not read before: the first reading of one is no change.
    op.execute("UPDATE model_version SET content = ''")


def downgrade() -> None:
    with op.batch_alter_table("model_version", schema=None) as batch_op:
        batch_op.drop_column("artifact_read_at")
        batch_op.drop_column("artifact_digest")
        batch_op.drop_column("stage")

    with op.batch_alter_table("model", schema=None) as batch_op:
        batch_op.drop_index("ix_model_made")
        batch_op.drop_column("versions_seen_at")

    with op.batch_alter_table("mirror_state", schema=None) as batch_op:
        batch_op.drop_column("open_until")
        batch_op.drop_column("failures")
        batch_op.drop_column("versions_mark")
        batch_op.drop_column("models_mark")
        batch_op.drop_column("crawl_read")
        batch_op.drop_column("crawl_began_at")
        batch_op.drop_column("crawled_at")

    with op.batch_alter_table("registry_change", schema=None) as batch_op:
        batch_op.drop_index("ix_registry_change_model")
        batch_op.drop_index("ix_registry_change_kind")

    op.drop_table("registry_change")
    with op.batch_alter_table("webhook_delivery", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_webhook_delivery_at"))

    op.drop_table("webhook_delivery")
