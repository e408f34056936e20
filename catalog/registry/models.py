"""Registered models and their versions, as people see them and as administrators classify them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final

from sqlalchemy import BindParameter, Executable, Row, bindparam
from sqlalchemy import select as columns
from sqlmodel import Session, col, select

from auth.access import (
    ANYTHING,
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
from catalog.registry.model import MODEL, Alias, Model, load_models, resource
from catalog.registry.run import Dataset, Run, load_runs
from catalog.registry.tables import (
    AliasRow,
    MirrorStateRow,
    ModelRow,
    VersionRow,
)
from catalog.registry.version import (
    PRESENT,
    Listed,
    Metric,
    Told,
    Version,
    count_measured,
    list_versions,
    load_told,
    load_versions,
)
from ledger.acts import Ledger
from ledger.errors import Conflict, Invalid, NotFound

__all__ = [
    "MODEL",
    "TASKS",
    "Alias",
    "Dataset",
    "Metric",
    "Model",
    "Models",
    "Run",
    "Version",
    "load_models",
    "resource",
]

LARGEST_VERSION: Final = 2**31 - 1
TASKS: Final = ("binary classification", "multi-class classification", "regression")


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
            return load_versions(session, model)

    def listed(self, model: Model) -> list[Listed]:
        """The versions of a model, newest first, as far as a list of them names them."""
        with self._ledger.store.read() as session:
            return list_versions(session, model.id)

    def versions_called(self, model: Model, ids: Collection[str]) -> list[Version]:
        """The versions of a model with these ids, newest first, also those that are gone."""
        with self._ledger.store.read() as session:
            return load_versions(session, model, ids=ids)

    def measured(self, model: Model) -> dict[str, int]:
        """How many versions of a model have each metric."""
        with self._ledger.store.read() as session:
            return count_measured(session, model.id)

    def told(self, model: Model, metric: str) -> list[Told]:
        """One metric of all versions of a model, oldest version first."""
        with self._ledger.store.read() as session:
            return load_told(session, model.id, metric)

    def history(self, model: Model) -> tuple[list[Version], dict[str, Run]]:
        """The versions of a model, newest first, and the runs behind them by run id."""
        with self._ledger.store.read() as session:
            versions = load_versions(session, model)
            return versions, load_runs(session, model.server, [one.run_id for one in versions])

    def some(
        self, model: Model, numbers: Collection[int]
    ) -> tuple[dict[int, Version], dict[str, Run]]:
        """These versions of a model by number, and their runs: as light with 5,000 as with 5."""
        # The databases do not even take a question about larger ones.
        numbers = [number for number in numbers if 0 < number <= LARGEST_VERSION]
        with self._ledger.store.read() as session:
            found = load_versions(session, model, numbers)
            runs = load_runs(session, model.server, [one.run_id for one in found])
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
            ids = [row.run_id for row in session.connection().execute(PRESENT, {"id": model.id})]
            return load_runs(session, model.server, ids)

    def runs_called(self, model: Model, ids: Sequence[str]) -> dict[str, Run]:
        """These runs of the server the model lives on, by run id, with their data sets."""
        with self._ledger.store.read() as session:
            return load_runs(session, model.server, list(ids))

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


def _insist_let_in(row: Row[Any], by: Actor) -> None:
    """Go on only with somebody who may read it. Raises Locked."""
    if not decide(by, "model:read", resource(row)):
        raise Locked(summary_of(row))


_IDS: Final[BindParameter[Any]] = bindparam("ids", expanding=True)
_MODEL: Final[Executable] = columns(*MODEL).where(col(ModelRow.id) == bindparam("id"))
_AMONG: Final[Executable] = columns(*MODEL).where(col(ModelRow.id).in_(_IDS))
_CALLED: Final[Executable] = columns(*MODEL).where(
    col(ModelRow.name) == bindparam("name"), col(ModelRow.gone_at).is_(None)
)
_MIRRORED: Final = select(MirrorStateRow)
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
