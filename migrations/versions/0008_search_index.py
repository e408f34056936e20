"""Search index."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from catalog.registry.search.engines import engine_for

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "model_search",
        sa.Column("no", sa.Integer(), nullable=False),
        sa.Column("model_id", sa.String(), nullable=False),
        sa.Column("stamp", sa.BigInteger(), nullable=False),
        sa.Column("is_present", sa.Boolean(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("domain", sa.String(), nullable=False),
        sa.Column("task", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("stage", sa.String(), nullable=False),
        sa.Column("tier", sa.String(), nullable=False),
        sa.Column("regulatory_class", sa.String(), nullable=False),
        sa.Column("frameworks", sa.Text(), nullable=False),
        sa.Column("aliases", sa.Text(), nullable=False),
        sa.Column("tags", sa.Text(), nullable=False),
        sa.Column("datasets", sa.Text(), nullable=False),
        sa.Column("completeness", sa.Integer(), nullable=False),
        sa.Column("trust", sa.Integer(), nullable=False),
        sa.Column("shown_version_id", sa.String(), nullable=False),
        sa.Column("shown_number", sa.Integer(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("no"),
        sa.UniqueConstraint("model_id"),
    )
    with op.batch_alter_table("model_search", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_model_search_stamp"), ["stamp"], unique=False)

    op.create_table(
        "search_mark",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("model_id", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "search_state",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("stamp", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "search_word",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("word", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("word"),
    )
    op.create_table(
        "model_measure",
        sa.Column("no", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("dataset_digest", sa.String(), nullable=False),
        sa.Column("context", sa.String(), nullable=False),
        sa.Column("value", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(
            ["no"],
            ["model_search.no"],
        ),
        sa.PrimaryKeyConstraint("no", "name", "dataset_digest", "context"),
    )
    with op.batch_alter_table("model_measure", schema=None) as batch_op:
        batch_op.create_index("ix_model_measure_value", ["name", "value"], unique=False)

    op.execute("INSERT INTO search_state (name, stamp) VALUES ('models', 0)")
    engine_for(op.get_bind()).install(op.get_bind())
    # What is there already waits to be indexed.
    op.execute("INSERT INTO search_mark (model_id) SELECT id FROM model")


def downgrade() -> None:
    op.execute("DROP TABLE search_text")
    with op.batch_alter_table("model_measure", schema=None) as batch_op:
        batch_op.drop_index("ix_model_measure_value")

    op.drop_table("model_measure")
    op.drop_table("search_word")
    op.drop_table("search_state")
    op.drop_table("search_mark")
    with op.batch_alter_table("model_search", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_model_search_stamp"))

    op.drop_table("model_search")
