"""The columns of the mirror: models, versions, aliases, runs, data sets, and how old it all is."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import Column, Date, Index, Text, text
from sqlmodel import Field, SQLModel

from ledger.store import UtcDateTime

UNCLASSIFIED = "gone_at IS NULL AND (owner_id = '' OR domain = '' OR task = '')"
_EMPTY = text("''")
CLOSED = "(gone_at IS NOT NULL OR restricted_at IS NOT NULL)"
UNREADY = "status <> 'READY'"
# What an approval must explain; descriptions and new versions explain themselves.
WATCHED = "kind IN ('alias', 'artifact', 'deleted', 'renamed', 'stage', 'tag')"


def _text() -> Column[str]:
    return Column(Text, nullable=False)


def _moment(*, nullable: bool = False) -> Column[datetime]:
    return Column(UtcDateTime, nullable=nullable)


def _one_in_force(name: str, *columns: str) -> Index:
    """One is in force, any number have ended."""
    runs = text("ended_at IS NULL")
    return Index(name, *columns, unique=True, sqlite_where=runs, postgresql_where=runs)


def _one_present(name: str, *columns: str) -> Index:
    """One is there, any number are gone: a rename and back brings a creation time back."""
    there = text("gone_at IS NULL")
    return Index(name, *columns, unique=True, sqlite_where=there, postgresql_where=there)


class MirrorStateRow(SQLModel, table=True):
    """How the last look at an MLflow server went."""

    __tablename__ = "mirror_state"

    server: str = Field(primary_key=True)
    attempted_at: datetime = Field(sa_column=_moment())
    succeeded_at: datetime | None = Field(default=None, sa_column=_moment(nullable=True))
    problem: str = ""
    models: int = 0
    versions: int = 0
    crawled_at: datetime | None = Field(default=None, sa_column=_moment(nullable=True))
    crawl_began_at: datetime | None = Field(default=None, sa_column=_moment(nullable=True))
    crawl_read: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    models_mark: datetime | None = Field(default=None, sa_column=_moment(nullable=True))
    versions_mark: datetime | None = Field(default=None, sa_column=_moment(nullable=True))
    failures: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    open_until: datetime | None = Field(default=None, sa_column=_moment(nullable=True))


class ModelRow(SQLModel, table=True):
    """One incarnation of a registered model: made again under its name, it is another row.

    `seen_at` is when the newest reading that showed the model like this began, `versions_seen_at`
    when the newest one began that listed all its versions.
    """

    __tablename__ = "model"
    __table_args__ = (
        Index("ix_model_key", "server", "workspace", "name"),
        _one_present("ux_model_present", "server", "workspace", "name"),
        # What asks for an administrator is counted on every Home of theirs.
        Index(
            "ix_model_unclassified",
            "name",
            sqlite_where=text(UNCLASSIFIED),
            postgresql_where=text(UNCLASSIFIED),
        ),
        # Live models are counted without being read; these few are taken off.
        Index("ix_model_closed", "id", sqlite_where=text(CLOSED), postgresql_where=text(CLOSED)),
        # A renamed model is recognised by the moment it was made.
        Index("ix_model_made", "server", "workspace", "created_at"),
    )

    id: str = Field(primary_key=True)
    server: str
    workspace: str
    name: str
    created_at: datetime = Field(sa_column=_moment())
    updated_at: datetime = Field(sa_column=_moment())
    description: str = Field(default="", sa_column=_text())
    tags: str = Field(default="{}", sa_column=_text())
    content: str = ""
    domain: str = Field(default="", index=True)
    task: str = ""
    owner_id: str = Field(default="", index=True)
    use_case_id: str = Field(default="", index=True)
    tier: str = Field(default="", index=True)
    regulatory_class: str = Field(default="", index=True)
    stage: str = Field(default="", index=True)
    seen_at: datetime = Field(sa_column=_moment())
    versions_seen_at: datetime | None = Field(default=None, sa_column=_moment(nullable=True))
    # When the answers were there that say what is written: nobody knows which of two readings is
    # the newer one when the second was asked for before.
    read_until: datetime | None = Field(default=None, sa_column=_moment(nullable=True))
    gone_at: datetime | None = Field(default=None, sa_column=_moment(nullable=True))
    restricted_at: datetime | None = Field(default=None, sa_column=_moment(nullable=True))
    restricted_why: str | None = Field(default=None, sa_column=Column(Text, nullable=True))


class VersionRow(SQLModel, table=True):
    """One incarnation of a model version. `stage` is MLflow's own, empty for its `None`."""

    __tablename__ = "model_version"
    __table_args__ = (
        Index("ix_model_version_number", "model_id", "number"),
        Index("ix_model_version_run", "run_id"),
        _one_present("ux_model_version_present", "model_id", "number"),
        # A live version that is not ready asks for attention on every Home.
        Index(
            "ix_model_version_unready",
            "model_id",
            sqlite_where=text(UNREADY),
            postgresql_where=text(UNREADY),
        ),
    )

    id: str = Field(primary_key=True)
    model_id: str = Field(foreign_key="model.id")
    number: int
    created_at: datetime = Field(sa_column=_moment())
    source: str
    run_id: str
    logged_model_id: str = ""
    description: str = Field(default="", sa_column=_text())
    status: str = ""
    tags: str = Field(default="{}", sa_column=_text())
    content: str = ""
    stage: str = Field(default="", sa_column_kwargs={"server_default": text("''")})
    artifact_digest: str = Field(default="", sa_column_kwargs={"server_default": text("''")})
    artifact_read_at: datetime | None = Field(default=None, sa_column=_moment(nullable=True))
    artifact_tried_at: datetime | None = Field(default=None, sa_column=_moment(nullable=True))
    flavors: str = ""
    signature: str = Field(default="", sa_column=_text())
    logged_tags: str = Field(
        default="{}", sa_column=Column(Text, nullable=False, server_default=text("'{}'"))
    )
    is_detailed: bool = False
    seen_at: datetime = Field(sa_column=_moment())
    gone_at: datetime | None = Field(default=None, sa_column=_moment(nullable=True))


class InputExampleRow(SQLModel, table=True):
    """The rows saved with a version as its input example, as JSON; or why there are none."""

    __tablename__ = "input_example"

    version_id: str = Field(primary_key=True, foreign_key="model_version.id")
    state: str
    body: str = Field(default="", sa_column=_text())
    digest: str = ""
    read_at: datetime = Field(sa_column=_moment())


class AliasRow(SQLModel, table=True):
    """Where an alias points, and since when Countersign has seen it there."""

    __tablename__ = "model_alias"
    __table_args__ = (Index("ix_model_alias_alias", "alias", "model_id"),)

    model_id: str = Field(primary_key=True, foreign_key="model.id")
    alias: str = Field(primary_key=True)
    version_id: str = Field(foreign_key="model_version.id")
    number: int
    since: datetime = Field(sa_column=_moment())


class ChangeRow(SQLModel, table=True):
    """Something that changed in MLflow, between two readings of it."""

    __tablename__ = "registry_change"
    __table_args__ = (
        Index("ix_registry_change_model", "model_id", "sequence"),
        Index("ix_registry_change_kind", "model_id", "kind", "name"),
        # Read in order by whoever looks for an explanation: most of a first crawl is not in it.
        Index(
            "ix_registry_change_watched",
            "sequence",
            sqlite_where=text(WATCHED),
            postgresql_where=text(WATCHED),
        ),
    )

    sequence: int | None = Field(default=None, primary_key=True)
    model_id: str = Field(foreign_key="model.id")
    version_id: str = ""
    kind: str
    name: str = ""
    before: str = Field(default="", sa_column=_text())
    after: str = Field(default="", sa_column=_text())
    since: datetime | None = Field(default=None, sa_column=_moment(nullable=True))
    until: datetime = Field(sa_column=_moment())
    by_promotion: str = ""


class DeliveryRow(SQLModel, table=True):
    """A webhook delivery that was taken: it is not taken twice."""

    __tablename__ = "webhook_delivery"

    server: str = Field(primary_key=True)
    delivery: str = Field(primary_key=True)
    at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False, index=True))


class RunRow(SQLModel, table=True):
    """The run that made a version: what it was told and what it measured."""

    __tablename__ = "run"

    server: str = Field(primary_key=True)
    run_id: str = Field(primary_key=True)
    name: str = ""
    experiment: str = ""
    user: str = ""
    status: str = ""
    started_at: datetime | None = Field(default=None, sa_column=_moment(nullable=True))
    ended_at: datetime | None = Field(default=None, sa_column=_moment(nullable=True))
    params: str = Field(default="{}", sa_column=_text())
    tags: str = Field(default="{}", sa_column=_text())


class DatasetRow(SQLModel, table=True):
    """A data set as a run described it."""

    __tablename__ = "dataset"

    server: str = Field(primary_key=True)
    name: str = Field(primary_key=True)
    digest: str = Field(primary_key=True)
    source_type: str = ""
    source: str = Field(default="", sa_column=_text())
    columns: str = Field(default="", sa_column=_text())
    rows: int | None = None


class RunDatasetRow(SQLModel, table=True):
    """Which data set a run used, and for what (training, evaluation)."""

    __tablename__ = "run_dataset"
    __table_args__ = (Index("ix_run_dataset_content", "server", "name", "digest"),)

    server: str = Field(primary_key=True)
    run_id: str = Field(primary_key=True)
    name: str = Field(primary_key=True)
    digest: str = Field(primary_key=True)
    context: str = Field(primary_key=True)


class MetricRow(SQLModel, table=True):
    """A number that was measured on a version, on a named data set where the run says which."""

    __tablename__ = "version_metric"

    version_id: str = Field(primary_key=True, foreign_key="model_version.id")
    name: str = Field(primary_key=True)
    dataset: str = Field(primary_key=True)
    dataset_digest: str = Field(primary_key=True)
    value: float


class AuthorRow(SQLModel, table=True):
    """Somebody who built a version, by an act of theirs or by an administrator's mapping."""

    __tablename__ = "version_author"

    version_id: str = Field(primary_key=True, foreign_key="model_version.id")
    person_id: str = Field(primary_key=True)
    source: str = Field(primary_key=True)
    linked_by: str
    linked_at: datetime = Field(sa_column=_moment())


class MlflowUserRow(SQLModel, table=True):
    """An administrator's mapping: runs of this MLflow user are this person's work."""

    __tablename__ = "mlflow_user"

    server: str = Field(primary_key=True)
    user: str = Field(primary_key=True)
    person_id: str = Field(primary_key=True)
    mapped_by: str
    mapped_at: datetime = Field(sa_column=_moment())


class ModelCardRow(SQLModel, table=True):
    """One published revision of a model's card; it never changes."""

    __tablename__ = "model_card"

    model_id: str = Field(primary_key=True, foreign_key="model.id")
    revision: int = Field(primary_key=True)
    body: str = Field(sa_column=_text())
    digest: str
    completeness: int
    published_by: str
    published_at: datetime = Field(sa_column=_moment())
    restored_from: int | None = None


class DeprecationRow(SQLModel, table=True):
    """A version that is on its way out: what to use instead, from which day on, and why."""

    __tablename__ = "deprecation"

    version_id: str = Field(primary_key=True, foreign_key="model_version.id")
    model_id: str = Field(foreign_key="model.id", index=True)
    successor_id: str | None = Field(default=None, foreign_key="model_version.id")
    ends_on: date = Field(sa_column=Column(Date, nullable=False))
    message: str = Field(sa_column=_text())
    deprecated_by: str
    deprecated_at: datetime = Field(sa_column=_moment())


class NamingRuleRow(SQLModel, table=True):
    """A rule for the names of one domain's models, or (empty) of all; never changed, only ended."""

    __tablename__ = "naming_rule"
    __table_args__ = (
        Index("ux_naming_rule_version", "domain", "version", unique=True),
        _one_in_force("ux_naming_rule_in_force", "domain"),
    )

    id: str = Field(primary_key=True)
    domain: str
    version: int
    template: str
    message: str
    example: str
    published_by: str
    published_at: datetime = Field(sa_column=_moment())
    ended_at: datetime | None = Field(default=None, sa_column=_moment(nullable=True))


class InventoryImportRow(SQLModel, table=True):
    """A file by which an administrator classified many models at once."""

    __tablename__ = "inventory_import"

    id: str = Field(primary_key=True)
    digest: str = Field(index=True)
    rows: int
    changed: int
    imported_by: str
    imported_at: datetime = Field(sa_column=_moment())


class InventoryChangeRow(SQLModel, table=True):
    """What an import changed of one model: the facts as JSON, old and new."""

    __tablename__ = "inventory_change"
    __table_args__ = (Index("ix_inventory_change_model", "model_id"),)

    import_id: str = Field(primary_key=True, foreign_key="inventory_import.id")
    model_id: str = Field(primary_key=True, foreign_key="model.id")
    before: str = Field(sa_column=_text())
    after: str = Field(sa_column=_text())


class CommentRow(SQLModel, table=True):
    """What somebody wrote about a model; `thread` is the comment that began it, or itself."""

    __tablename__ = "comment"
    __table_args__ = (
        Index("ix_comment_model", "model_id", "at"),
        Index("ix_comment_thread", "thread", "at"),
    )

    id: str = Field(primary_key=True)
    model_id: str = Field(foreign_key="model.id")
    thread: str
    author: str
    text: str = Field(sa_column=_text())
    mentions: str = Field(default="", sa_column=_text())
    at: datetime = Field(sa_column=_moment())
    edited_at: datetime | None = Field(default=None, sa_column=_moment(nullable=True))
    deleted_at: datetime | None = Field(default=None, sa_column=_moment(nullable=True))
    deleted_by: str = ""
    # What of the model a thread is about, as it is called where it is read: a release request.
    about: str = Field(default="", sa_column_kwargs={"server_default": _EMPTY})


class CommentEditionRow(SQLModel, table=True):
    """What a comment said before its author changed it."""

    __tablename__ = "comment_edition"

    comment_id: str = Field(primary_key=True, foreign_key="comment.id")
    edition: int = Field(primary_key=True)
    text: str = Field(sa_column=_text())
    at: datetime = Field(sa_column=_moment())
