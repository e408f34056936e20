"""Who built a version, as far as it can be known: by claim, or by an administrator's mapping.

MLflow cannot say: it has no accounts, and `mlflow.user` is whatever the client wrote. So a name in
MLflow makes nobody an author. It is a person's own claim that does, or an administrator who maps a
name and thereby vouches for the versions that carry it at that moment. A mapped name on a later
version still keeps that person from deciding, so that writing it can only take a right away.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from sqlalchemy import Executable, String, bindparam, func
from sqlalchemy import select as columns
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from auth.access import ANYTHING, Verdict, decide
from auth.actors import Actor
from auth.tables import PrincipalRow
from catalog.registry.models import Model, resource
from catalog.registry.tables import AuthorRow, MlflowUserRow, ModelRow, RunRow, VersionRow
from ledger.acts import Ledger
from ledger.errors import NotFound


class Authorship:
    """The desk where versions and the people who built them are linked."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def claim(self, version_id: str, *, by: Actor) -> None:
        """Say "I built this version". It cannot be unsaid."""
        with self._ledger.act(
            "authorship:claim", actor=by.id, resource=f"version:{version_id}"
        ) as act:
            row = act.session.get(VersionRow, version_id)
            model = act.session.get(ModelRow, row.model_id) if row else None
            if row is None or model is None or not decide(by, "model:read", resource(model)):
                raise NotFound("There is no such version.", hint="Open it from the Model page.")
            decide(by, "authorship:claim", resource(model)).insist()
            act.session.merge(
                AuthorRow(
                    version_id=version_id,
                    person_id=by.id,
                    source="claim",
                    linked_by=by.id,
                    linked_at=act.at,
                )
            )
            act.emit("authorship:claim", version_id)

    def map_user(self, server: str, user: str, person_id: str, *, by: Actor) -> None:
        """Say that the versions which carry an MLflow user's name now are a person's work."""
        with self._ledger.act(
            "authorship:assign", actor=by.id, resource=f"person:{person_id}"
        ) as act:
            decide(by, "authorship:assign", ANYTHING).insist()
            if act.session.get(PrincipalRow, person_id) is None:
                raise NotFound("There is no such person.", hint="Choose one from the list.")
            act.session.merge(
                MlflowUserRow(
                    server=server,
                    user=user,
                    person_id=person_id,
                    mapped_by=by.id,
                    mapped_at=act.at,
                )
            )
            vouched = act.session.exec(_made_by(server, user)).all()
            for version_id in vouched:
                act.session.merge(
                    AuthorRow(
                        version_id=version_id,
                        person_id=person_id,
                        source="mapping",
                        linked_by=by.id,
                        linked_at=act.at,
                    )
                )
            act.facts |= {"server": server, "versions": str(len(vouched))}
            act.texts["mlflow_user"] = user
            act.emit("authorship:assign", person_id)

    def mappings(self, *, by: Actor) -> list[tuple[str, str, str]]:
        """All mappings as (server, MLflow user, person id). Raises Refused."""
        decide(by, "person:read", ANYTHING).insist()
        with self._ledger.store.read() as session:
            return [(r.server, r.user, r.person_id) for r in session.exec(select(MlflowUserRow))]

    def users_seen(self, *, by: Actor) -> list[tuple[str, str, int]]:
        """The MLflow users that made versions, as (server, user, versions). Raises Refused."""
        decide(by, "person:read", ANYTHING).insist()
        with self._ledger.store.read() as session:
            found = session.exec(
                select(RunRow.server, RunRow.user, func.count(col(VersionRow.id)))
                .where(
                    col(RunRow.user) != "",
                    col(VersionRow.run_id) == col(RunRow.run_id),
                    col(VersionRow.model_id) == col(ModelRow.id),
                    col(ModelRow.server) == col(RunRow.server),
                )
                .group_by(col(RunRow.server), col(RunRow.user))
                .order_by(col(RunRow.server), col(RunRow.user))
            )
            return [(server, user, versions) for server, user, versions in found]

    def of(self, model: Model) -> dict[str, list[str]]:
        """The authors known of each version of a model: version id to person ids."""
        asked = {"model": model.id, "server": model.server}
        with self._ledger.store.read() as session:
            connection = session.connection()
            ids = connection.execute(_VERSIONS, {"model": model.id}).scalars()
            found: dict[str, set[str]] = {version_id: set() for version_id in ids}
            for statement in (_CLAIMED, _MAPPED):
                for version_id, person_id in connection.execute(statement, asked).all():
                    found[version_id].add(person_id)
        return {version_id: sorted(people) for version_id, people in found.items()}

    def may_claim(self, model: Model, *, by: Actor) -> Verdict:
        """Whether the actor may say they built a version of this model."""
        return decide(by, "authorship:claim", model.resource)

    def may_map(self, *, by: Actor) -> Verdict:
        """Whether the actor may say whose work the runs of an MLflow user are."""
        return decide(by, "authorship:assign", ANYTHING)


def vouched_authors(session: Session, version_id: str) -> list[str]:
    """Those who claimed a version or for whom an administrator vouched: its known authors."""
    rows = session.connection().execute(_CLAIMED_ONES, {"versions": [version_id]})
    return sorted({person_id for _version_id, person_id in rows})


def authors(session: Session, version_id: str) -> list[str]:
    """Everybody who may not decide on a version because they built it, or its run says so."""
    return authors_of(session, [version_id])[version_id]


def authors_of(session: Session, version_ids: Collection[str]) -> dict[str, list[str]]:
    """The same for many versions at once."""
    connection, asked = session.connection(), {"versions": list(version_ids)}
    found: dict[str, set[str]] = {one: set() for one in version_ids}
    for statement in (_CLAIMED_ONES, _MAPPED_ONES):
        for version_id, person_id in connection.execute(statement, asked).all():
            found[version_id].add(person_id)
    return {version_id: sorted(people) for version_id, people in found.items()}


def _made_by(server: str, user: str) -> SelectOfScalar[str]:
    return select(VersionRow.id).where(
        col(VersionRow.model_id) == col(ModelRow.id),
        col(ModelRow.server) == server,
        col(RunRow.server) == server,
        col(RunRow.run_id) == col(VersionRow.run_id),
        col(RunRow.user) == user,
        col(VersionRow.gone_at).is_(None),
    )


# Asked on every click on the pages of a model and of a request: built once.
_ONES: Final = bindparam("versions", type_=String(), expanding=True)
_CLAIMED_ONES: Final[Executable] = columns(
    col(AuthorRow.version_id), col(AuthorRow.person_id)
).where(col(AuthorRow.version_id).in_(_ONES))
_MAPPED_ONES: Final[Executable] = columns(col(VersionRow.id), col(MlflowUserRow.person_id)).where(
    col(VersionRow.id).in_(_ONES),
    col(ModelRow.id) == col(VersionRow.model_id),
    col(RunRow.run_id) == col(VersionRow.run_id),
    col(RunRow.server) == col(ModelRow.server),
    col(MlflowUserRow.server) == col(RunRow.server),
    col(MlflowUserRow.user) == col(RunRow.user),
)
_VERSIONS: Final[Executable] = columns(col(VersionRow.id)).where(
    col(VersionRow.model_id) == bindparam("model")
)
_CLAIMED: Final[Executable] = columns(col(AuthorRow.version_id), col(AuthorRow.person_id)).where(
    col(AuthorRow.version_id) == col(VersionRow.id),
    col(VersionRow.model_id) == bindparam("model"),
)
_MAPPED: Final[Executable] = columns(col(VersionRow.id), col(MlflowUserRow.person_id)).where(
    col(VersionRow.model_id) == bindparam("model"),
    col(RunRow.run_id) == col(VersionRow.run_id),
    col(RunRow.server) == bindparam("server"),
    col(MlflowUserRow.server) == col(RunRow.server),
    col(MlflowUserRow.user) == col(RunRow.user),
)
