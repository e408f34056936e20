"""Registered models and their versions, as people see them and as administrators classify them."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache
from itertools import islice
from typing import Any, Final

from sqlalchemy import BindParameter, Executable, Row, bindparam
from sqlalchemy import select as columns
from sqlmodel import Session, col, select

from auth.access import (
    ANYTHING,
    Resource,
    Verdict,
    decide,
    insist_visible,
)
from auth.actors import Actor
from auth.tables import PrincipalRow
from catalog.registry.inventory.classified import checked_domain, told, write_down
from catalog.registry.inventory.standing import UNCHANGED, Standing
from catalog.registry.locked import Locked, Summary, summary_of
from catalog.registry.mirror.state import MirrorState, mirror_state
from catalog.registry.tables import (
    AliasRow,
    DatasetRow,
    MetricRow,
    MirrorStateRow,
    ModelRow,
    RunDatasetRow,
    RunRow,
    VersionRow,
)
from ledger.acts import Ledger
from ledger.errors import Conflict, Invalid, NotFound

LARGEST_VERSION: Final = 2**31 - 1
TASKS: Final = ("binary classification", "multi-class classification", "regression")


@dataclass(frozen=True)
class Metric:
    """A number measured on a version, on a data set where the run named one."""

    name: str
    value: float
    dataset: str
    dataset_digest: str


@dataclass(frozen=True)
class Alias:
    """A name that points at a version, since Countersign has seen it there."""

    name: str
    number: int
    version_id: str
    since: datetime


@dataclass(frozen=True)
class Dataset:
    """A data set a run used."""

    name: str
    digest: str
    context: str
    source_type: str
    source: str
    columns: tuple[tuple[str, str], ...]
    rows: int | None


@dataclass(frozen=True)
class Run:
    """The run that made a version."""

    run_id: str
    name: str
    experiment: str
    user: str
    status: str
    started_at: datetime | None
    ended_at: datetime | None
    params: Mapping[str, str]
    tags: Mapping[str, str]
    datasets: tuple[Dataset, ...]


@dataclass(frozen=True)
class Version:
    """A model version."""

    id: str
    model_id: str
    number: int
    created_at: datetime
    source: str
    run_id: str
    description: str
    status: str
    tags: Mapping[str, str]
    flavors: tuple[str, ...]
    signature: Mapping[str, tuple[tuple[str, str], ...]]
    gone_at: datetime | None
    aliases: tuple[str, ...] = ()
    metrics: tuple[Metric, ...] = ()
    optional: frozenset[str] = frozenset()  # input columns that a caller may leave out


@dataclass(frozen=True)
class Model:
    """A registered model with the facts an administrator added to what MLflow says."""

    id: str
    server: str
    workspace: str
    name: str
    description: str
    tags: Mapping[str, str]
    domain: str
    task: str
    owner_id: str
    created_at: datetime
    updated_at: datetime
    gone_at: datetime | None
    aliases: tuple[Alias, ...] = field(default=())
    use_case_id: str = ""
    tier: str = ""
    regulatory_class: str = ""
    stage: str = ""
    restricted_at: datetime | None = None
    restricted_why: str = ""

    @property
    def resource(self) -> Resource:
        """The model as the access law sees it."""
        return Resource(
            "model", self.id, self.domain, self.owner_id, self.restricted_at is not None
        )

    def summarised(self) -> Model:
        """No more of it than may be known by whoever may find it, restricted or not."""
        return replace(
            self,
            tags={},
            aliases=(),
            use_case_id="",
            tier="",
            regulatory_class="",
            stage="",
        )

    def alias(self, name: str) -> Alias | None:
        """Where an alias points, if it is set."""
        return next((one for one in self.aliases if one.name == name), None)


class Models:
    """The catalog desk."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    # -- looking -------------------------------------------------------------------------------

    def find(self, name: str, *, by: Actor, server: str = "", workspace: str = "") -> Model:
        """The model called so, among those the actor may see.

        Raises:
            NotFound: there is none, or the actor may not know of it.
            Locked: it is restricted, and the actor is not let in.
            Conflict: several servers or workspaces have one; the hint lists them.
        """
        with self._ledger.store.read() as session:
            row = self._called(session, name, by=by, server=server, workspace=workspace)
            _insist_let_in(row, by)
            return load_models(session, [row])[0]

    def know(self, name: str, *, by: Actor, server: str = "", workspace: str = "") -> Summary:
        """What may be known of the model called so, also of one that is restricted.

        Raises:
            NotFound, Conflict: as `find` does.
        """
        with self._ledger.store.read() as session:
            found = self._called(session, name, by=by, server=server, workspace=workspace)
            return summary_of(found)

    def _called(
        self, session: Session, name: str, *, by: Actor, server: str, workspace: str
    ) -> Row[Any]:
        rows = [
            row
            for row in session.connection().execute(_CALLED, {"name": name})
            if (not server or row.server == server)
            and (not workspace or row.workspace == workspace)
            and decide(by, "model:find", resource(row))
        ]
        if not rows:
            raise NotFound(
                f"There is no model called {name[:120]!r}.",
                hint="Search for it under Discover; names are spelt as in MLflow.",
                code="no-such-model",
            )
        if len(rows) > 1:
            where = "; ".join(f"server={row.server} workspace={row.workspace}" for row in rows)
            raise Conflict(
                f"Several models are called {name[:120]!r}.",
                hint=f"Say which one is meant: {where}.",
                code="ambiguous-name",
            )
        return rows[0]

    def get(self, model_id: str, *, by: Actor) -> Model:
        """The model with this opaque id, also one that is gone. Raises NotFound, Locked."""
        with self._ledger.store.read() as session:
            row = session.connection().execute(_MODEL, {"id": model_id}).first()
            if row is None:
                raise NotFound("There is no such model.", hint="Search for it under Discover.")
            insist_visible(
                by, "model:find", resource(row), "such model", "Search for it under Discover."
            )
            _insist_let_in(row, by)
            return load_models(session, [row])[0]

    def versions(self, model: Model) -> list[Version]:
        """The versions of a model, newest first, with their metrics and aliases."""
        with self._ledger.store.read() as session:
            return _load_versions(session, model)

    def history(self, model: Model) -> tuple[list[Version], dict[str, Run]]:
        """The versions of a model, newest first, and the runs behind them by run id."""
        with self._ledger.store.read() as session:
            versions = _load_versions(session, model)
            return versions, _load_runs(session, model.server, [one.run_id for one in versions])

    def some(
        self, model: Model, numbers: Collection[int]
    ) -> tuple[dict[int, Version], dict[str, Run]]:
        """These versions of a model by number, and their runs: as light with 5,000 as with 5."""
        # The databases do not even take a question about larger ones.
        numbers = [number for number in numbers if 0 < number <= LARGEST_VERSION]
        with self._ledger.store.read() as session:
            found = _load_versions(session, model, numbers)
            runs = _load_runs(session, model.server, [one.run_id for one in found])
            return {one.number: one for one in found}, runs

    def numbers(self, model: Model, *, limit: int, below: int | None = None) -> list[int]:
        """The numbers of its newest versions, newest first; those before `below` where given."""
        asked = {"id": model.id, "below": _LARGEST if below is None else below, "limit": limit}
        with self._ledger.store.read() as session:
            return list(session.connection().execute(_NUMBERS, asked).scalars())

    def version(self, model: Model, number: int) -> Version:
        """One version of a model. Raises NotFound."""
        found = self.some(model, (number,))[0].get(number)
        if found is None:
            raise NotFound(
                f"{model.name} has no version {number}.",
                hint="Its versions are listed on the Model page.",
                code="no-such-version",
            )
        return found

    def runs(self, model: Model) -> dict[str, Run]:
        """The runs behind the versions of a model, by run id, with their data sets."""
        with self._ledger.store.read() as session:
            ids = [row.run_id for row in session.connection().execute(_PRESENT, {"id": model.id})]
            return _load_runs(session, model.server, ids)

    def runs_called(self, model: Model, ids: Sequence[str]) -> dict[str, Run]:
        """These runs of the server the model lives on, by run id, with their data sets."""
        with self._ledger.store.read() as session:
            return _load_runs(session, model.server, list(ids))

    def mirrored(self) -> list[MirrorState]:
        """How old the copy of each MLflow server is."""
        with self._ledger.store.read() as session:
            return [mirror_state(row) for row in session.exec(_MIRRORED)]

    def called(self, name: str, *, by: Actor) -> list[Model]:
        """The models of this name that the actor may see, on whatever server."""
        with self._ledger.store.read() as session:
            rows = session.connection().execute(_CALLED, {"name": name})
            return load_models(
                session, [row for row in rows if decide(by, "model:read", resource(row))]
            )

    def visible(self, *, by: Actor, limit: int = 1_000) -> list[Model]:
        """The first models by name among those the actor may see; Discover finds the others."""
        with self._ledger.store.read() as session:
            rows = session.connection().execute(_ALL)
            seen = (row for row in rows if decide(by, "model:read", resource(row)))
            return load_models(session, list(islice(seen, limit)))

    def may_classify(self, *, by: Actor) -> Verdict:
        """Whether the actor may say who owns a model and what it predicts."""
        return decide(by, "model:classify", ANYTHING)

    def domains(self) -> list[str]:
        """The domains in use."""
        with self._ledger.store.read() as session:
            found = session.exec(select(ModelRow.domain).where(ModelRow.domain != "").distinct())
            return sorted(found)

    def summaries(self, ids: Iterable[str], *, by: Actor) -> dict[str, Summary]:
        """What may be known of these models, by id: those the actor may know of."""
        with self._ledger.store.read() as session:
            rows = session.connection().execute(_AMONG, {"ids": sorted(set(ids))})
            return {
                row.id: summary_of(row) for row in rows if decide(by, "model:find", resource(row))
            }

    def names(self, ids: set[str]) -> dict[str, str]:
        """The names of models by opaque id, gone ones too."""
        with self._ledger.store.read() as session:
            rows = session.exec(select(ModelRow).where(col(ModelRow.id).in_(ids)))
            return {row.id: row.name for row in rows}

    def ids_called(self, name: str) -> list[str]:
        """The opaque ids of the models of this name, on whatever server."""
        with self._ledger.store.read() as session:
            query = select(ModelRow.id).where(
                ModelRow.name == name, col(ModelRow.gone_at).is_(None)
            )
            return list(session.exec(query))

    def live_ids(self) -> list[str]:
        """The opaque ids of the models that have a champion."""
        with self._ledger.store.read() as session:
            return list(session.exec(select(AliasRow.model_id).where(AliasRow.alias == "champion")))

    # -- verbs ---------------------------------------------------------------------------------

    def classify(
        self,
        model_id: str,
        *,
        by: Actor,
        owner_id: str,
        domain: str,
        task: str,
        standing: Standing = UNCHANGED,
    ) -> None:
        """Say who owns a model, in which domain it lies, what it predicts and where it stands.

        MLflow's tags cannot say this: anybody who reaches MLflow can set them.
        """
        domain, standing = checked_domain(domain), standing.checked()
        if task not in TASKS:
            raise Invalid(f"{task!r} is no task.", hint=f"Use one of: {', '.join(TASKS)}.")
        with self._ledger.act("model:classify", actor=by.id, resource=f"model:{model_id}") as act:
            decide(by, "model:classify", ANYTHING).insist()
            row = act.session.get(ModelRow, model_id, with_for_update=True)
            if row is None or row.gone_at is not None:
                raise NotFound("There is no such model.", hint="Search for it under Discover.")
            owner = act.session.get(PrincipalRow, owner_id)
            if owner is None or owner.kind != "person":
                raise NotFound("There is no such person to own it.", hint="Choose from the list.")
            said = {"owner": owner_id, "domain": domain, "task": task}
            write_down(act, row, {**said, **told(act.session, row, standing, by=by)})


def resource(row: ModelRow | Row[Any]) -> Resource:
    """A model's row as the access law sees it.

    The columns `id`, `domain`, `owner_id` and `restricted_at` are enough.
    """
    return Resource("model", row.id, row.domain, row.owner_id, row.restricted_at is not None)


def _insist_let_in(row: Row[Any], by: Actor) -> None:
    """Go on only with somebody who may read it. Raises Locked."""
    if not decide(by, "model:read", resource(row)):
        raise Locked(summary_of(row))


# Asked on every click of everybody: built once, and answered in columns instead of rows that keep
# watch over themselves.
MODEL: Final = (
    col(ModelRow.id),
    col(ModelRow.server),
    col(ModelRow.workspace),
    col(ModelRow.name),
    col(ModelRow.description),
    col(ModelRow.tags),
    col(ModelRow.domain),
    col(ModelRow.task),
    col(ModelRow.owner_id),
    col(ModelRow.created_at),
    col(ModelRow.updated_at),
    col(ModelRow.gone_at),
    col(ModelRow.use_case_id),
    col(ModelRow.tier),
    col(ModelRow.regulatory_class),
    col(ModelRow.stage),
    col(ModelRow.restricted_at),
    col(ModelRow.restricted_why),
)
_IDS: Final[BindParameter[Any]] = bindparam("ids", expanding=True)
_MODEL: Final[Executable] = columns(*MODEL).where(col(ModelRow.id) == bindparam("id"))
_AMONG: Final[Executable] = columns(*MODEL).where(col(ModelRow.id).in_(_IDS))
_ALL: Final[Executable] = (
    columns(*MODEL).where(col(ModelRow.gone_at).is_(None)).order_by(col(ModelRow.name))
)
_CALLED: Final[Executable] = columns(*MODEL).where(
    col(ModelRow.name) == bindparam("name"), col(ModelRow.gone_at).is_(None)
)
_ALIASES: Final[Executable] = (
    columns(
        col(AliasRow.model_id),
        col(AliasRow.alias),
        col(AliasRow.number),
        col(AliasRow.version_id),
        col(AliasRow.since),
    )
    .where(col(AliasRow.model_id).in_(_IDS))
    .order_by(col(AliasRow.alias))
)
_PRESENT: Final = (
    columns(
        col(VersionRow.id),
        col(VersionRow.number),
        col(VersionRow.created_at),
        col(VersionRow.source),
        col(VersionRow.run_id),
        col(VersionRow.description),
        col(VersionRow.status),
        col(VersionRow.tags),
        col(VersionRow.flavors),
        col(VersionRow.signature),
    )
    .where(col(VersionRow.model_id) == bindparam("id"), col(VersionRow.gone_at).is_(None))
    .order_by(col(VersionRow.number).desc())
)
_METRICS: Final = columns(
    col(MetricRow.version_id),
    col(MetricRow.name),
    col(MetricRow.value),
    col(MetricRow.dataset),
    col(MetricRow.dataset_digest),
).where(
    col(MetricRow.version_id) == col(VersionRow.id),
    col(VersionRow.model_id) == bindparam("id"),
    col(VersionRow.gone_at).is_(None),
)
_RUNS: Final[Executable] = columns(
    col(RunRow.run_id),
    col(RunRow.name),
    col(RunRow.experiment),
    col(RunRow.user),
    col(RunRow.status),
    col(RunRow.started_at),
    col(RunRow.ended_at),
    col(RunRow.params),
    col(RunRow.tags),
).where(col(RunRow.server) == bindparam("server"), col(RunRow.run_id).in_(_IDS))
_USED: Final[Executable] = columns(
    col(RunDatasetRow.run_id),
    col(RunDatasetRow.context),
    col(DatasetRow.name),
    col(DatasetRow.digest),
    col(DatasetRow.source_type),
    col(DatasetRow.source),
    col(DatasetRow.columns),
    col(DatasetRow.rows),
).where(
    col(RunDatasetRow.server) == bindparam("server"),
    col(RunDatasetRow.run_id).in_(_IDS),
    col(DatasetRow.server) == col(RunDatasetRow.server),
    col(DatasetRow.name) == col(RunDatasetRow.name),
    col(DatasetRow.digest) == col(RunDatasetRow.digest),
)
_MIRRORED: Final = select(MirrorStateRow)
_WANTED: Final[BindParameter[Any]] = bindparam("numbers", expanding=True)
_SOME: Final[Executable] = _PRESENT.where(col(VersionRow.number).in_(_WANTED))
_SOME_METRICS: Final[Executable] = _METRICS.where(col(VersionRow.number).in_(_WANTED))
_LARGEST: Final = 2**31 - 1
_NUMBERS: Final[Executable] = (
    columns(col(VersionRow.number))
    .where(
        col(VersionRow.model_id) == bindparam("id"),
        col(VersionRow.gone_at).is_(None),
        col(VersionRow.number) < bindparam("below"),
    )
    .order_by(col(VersionRow.number).desc())
    .limit(bindparam("limit"))
)


def _model(row: ModelRow | Row[Any], aliases: Sequence[Alias]) -> Model:
    return Model(
        id=row.id,
        server=row.server,
        workspace=row.workspace,
        name=row.name,
        description=row.description,
        tags=json.loads(row.tags),
        domain=row.domain,
        task=row.task,
        owner_id=row.owner_id,
        created_at=row.created_at,
        updated_at=row.updated_at,
        gone_at=row.gone_at,
        aliases=tuple(aliases),
        use_case_id=row.use_case_id,
        tier=row.tier,
        regulatory_class=row.regulatory_class,
        stage=row.stage,
        restricted_at=row.restricted_at,
        restricted_why=row.restricted_why or "",
    )


def load_models(session: Session, rows: Sequence[ModelRow | Row[Any]]) -> list[Model]:
    """Models' rows, or the columns `MODEL` of them, as values with their aliases.

    One question for all of them.
    """
    aliases: dict[str, list[Alias]] = {}
    found = session.connection().execute(_ALIASES, {"ids": [row.id for row in rows]})
    for model_id, name, number, version_id, since in found:
        aliases.setdefault(model_id, []).append(Alias(name, number, version_id, since))
    return [_model(row, aliases.get(row.id, [])) for row in rows]


def _load_versions(
    session: Session, model: Model, numbers: Collection[int] | None = None
) -> list[Version]:
    """The present versions of a model, or those with these numbers, newest first."""
    asked: dict[str, Any] = {"id": model.id}
    which: tuple[Executable, Executable] = _PRESENT, _METRICS
    if numbers is not None:
        asked["numbers"], which = list(numbers), (_SOME, _SOME_METRICS)
    metrics: dict[str, list[Metric]] = {}
    # All rows at once: taken one by one they cost twice the processor.
    measured = session.connection().execute(which[1], asked).all()
    for version_id, name, value, dataset, digest in measured:
        metrics.setdefault(version_id, []).append(Metric(name, value, dataset, digest))
    aliases: dict[str, list[str]] = {}
    for alias in model.aliases:
        aliases.setdefault(alias.version_id, []).append(alias.name)
    return [
        Version(
            id=row.id,
            model_id=model.id,
            number=row.number,
            created_at=row.created_at,
            source=row.source,
            run_id=row.run_id,
            description=row.description,
            status=row.status,
            tags=json.loads(row.tags),
            flavors=tuple(row.flavors.split()),
            signature=_signature(row.signature),
            gone_at=None,
            aliases=tuple(sorted(aliases.get(row.id, []))),
            metrics=tuple(sorted(metrics.get(row.id, []), key=lambda m: (m.name, m.dataset))),
            optional=_optional(row.signature),
        )
        for row in session.connection().execute(which[0], asked).all()
    ]


def _load_runs(session: Session, server: str, ids: list[str]) -> dict[str, Run]:
    asked = {"server": server, "ids": ids}
    used: dict[str, list[Dataset]] = {}
    for row in session.connection().execute(_USED, asked).all():
        used.setdefault(row.run_id, []).append(
            Dataset(
                row.name,
                row.digest,
                row.context,
                row.source_type,
                row.source,
                _columns(row.columns),
                row.rows,
            )
        )
    return {
        row.run_id: Run(
            row.run_id,
            row.name,
            row.experiment,
            row.user,
            row.status,
            row.started_at,
            row.ended_at,
            json.loads(row.params),
            json.loads(row.tags),
            tuple(sorted(used.get(row.run_id, []), key=lambda d: (d.context, d.name))),
        )
        for row in session.connection().execute(_RUNS, asked).all()
    }


@lru_cache(maxsize=512)
def _columns(schema: str) -> tuple[tuple[str, str], ...]:
    try:
        listed = json.loads(schema or "{}").get("mlflow_colspec", [])
        return tuple((str(one.get("name", "")), str(one.get("type", ""))) for one in listed)
    except (ValueError, AttributeError, TypeError, RecursionError):
        return ()


@lru_cache(maxsize=512)
def _signature(kept: str) -> dict[str, tuple[tuple[str, str], ...]]:
    try:
        sides = json.loads(kept or "{}")
        return {
            side: tuple(
                (str(one.get("name", "")), str(one.get("type", "")))
                for one in json.loads(sides[side])
            )
            for side in ("inputs", "outputs")
            if sides.get(side)
        }
    except (ValueError, AttributeError, TypeError, RecursionError):
        return {}


@lru_cache(maxsize=512)
def _optional(kept: str) -> frozenset[str]:
    try:
        inputs = json.loads(json.loads(kept or "{}").get("inputs") or "[]")
        return frozenset(
            str(one.get("name", "")) for one in inputs if one.get("required", True) is False
        )
    except (ValueError, AttributeError, TypeError, RecursionError):
        return frozenset()
