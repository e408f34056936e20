"""Deprecations: a version on its way out, with what to use instead, from when on, and why."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import BindParameter, Executable, Integer, Row, Select, bindparam
from sqlalchemy import select as columns
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from auth.access import Verdict, decide
from auth.actors import Actor
from auth.people import as_of_now
from catalog.registry.models import MODEL, Model, resource
from catalog.registry.tables import AliasRow, DeprecationRow, ModelRow, VersionRow
from ledger.acts import Act, Ledger
from ledger.errors import Conflict, Invalid, NotFound
from ledger.statements import statement

LONGEST_MESSAGE: Final = 500
LONGEST_NOTICE: Final = timedelta(days=5 * 366)
_NO_VERSION_HINT: Final = "Choose one on the Model page."


@dataclass(frozen=True)
class Successor:
    """The version to use instead, of the same model or of another."""

    version_id: str
    model_id: str
    model_name: str
    number: int
    server: str
    workspace: str


@dataclass(frozen=True)
class Deprecation:
    """What was said of a version that is on its way out."""

    version_id: str
    model_id: str
    number: int
    ends_on: date
    message: str
    successor: Successor | None
    deprecated_by: str
    deprecated_at: datetime

    def is_obsolete(self, today: date) -> bool:
        """Whether its day has come: from `ends_on` on, by UTC days, it must not be used."""
        return today >= self.ends_on

    def word(self, today: date) -> str:
        """Its status in the vocabulary of the screens and of the API."""
        return "Obsolete" if self.is_obsolete(today) else "Deprecated"


@dataclass(frozen=True)
class Farewell:
    """What is said of a version that goes: from which day on, why, and what comes instead."""

    ends_on: date
    message: str
    successor_id: str = ""

    def checked(self, today: date) -> Farewell:
        """The same, its message in order. Raises Invalid."""
        message = _message(self.message)
        if not today <= self.ends_on <= today + LONGEST_NOTICE:
            raise Invalid(
                "A version is deprecated as of today or of a day in the next five years.",
                hint="Choose today if it must not be used any more.",
                code="bad-day",
            )
        return replace(self, message=message)


class Deprecations:
    """The desk where versions are sent on their way out, and called back."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    # -- verbs ---------------------------------------------------------------------------------

    def deprecate(
        self,
        version_id: str,
        *,
        by: Actor,
        ends_on: date,
        message: str,
        successor_id: str = "",
    ) -> Deprecation:
        """Say that a version must not be used from a day on. Said again, the newest counts.

        Raises:
            Invalid: no message; the day lies in the past or years ahead.
            NotFound: the version or its successor does not exist for this person.
            Refused, Conflict: no such role here; the successor is the version or deprecated.
        """
        farewell = Farewell(ends_on, message, successor_id)
        farewell = farewell.checked(self._ledger.clock.now().date())
        with self._ledger.act(
            "version:deprecate", actor=by.id, resource=f"version:{version_id}"
        ) as act:
            by = as_of_now(act.session, by, at=act.at)
            hold(act.session, version_id, successor_id)
            version, model = _found(act.session, version_id, by)
            say_farewell(act, version, model, farewell, by=by)
            act.texts["message"] = farewell.message
            return _among(act.session, [version.id], by)[version.id]

    def reinstate(self, version_id: str, reason: str, *, by: Actor) -> None:
        """Take a deprecation back: the version may be used as before."""
        reason = statement(
            reason,
            "reason",
            longest=LONGEST_MESSAGE,
            hint="Say in a sentence why it may be used again; it is kept in the audit trail.",
        )
        with self._ledger.act(
            "version:reinstate", actor=by.id, resource=f"version:{version_id}"
        ) as act:
            by = as_of_now(act.session, by, at=act.at)
            hold(act.session, version_id)
            version, model = _found(act.session, version_id, by)
            decide(by, "version:deprecate", resource(model)).insist()
            row = act.session.get(DeprecationRow, version.id)
            if row is None:
                raise Conflict(
                    f"Version {version.number} is not deprecated.",
                    hint="Reload the page to see who took it back.",
                    code="not-deprecated",
                )
            act.session.delete(row)
            act.facts["model"] = model.id
            act.texts["reason"] = reason
            act.emit("version:reinstate", version.id, model=model.id)

    # -- looking -------------------------------------------------------------------------------

    def may_deprecate(self, model: Model, *, by: Actor) -> Verdict:
        """Whether the actor may send versions of this model on their way out."""
        return decide(by, "version:deprecate", model.resource)

    def of(self, model: Model, *, by: Actor) -> dict[str, Deprecation]:
        """The deprecated versions of a model, by version id."""
        with self._ledger.store.read() as session:
            found = session.connection().execute(_OF_MODEL, {"model": model.id})
            return {row.version_id: _deprecation(row, by) for row in found}

    def among(self, version_ids: Iterable[str], *, by: Actor) -> dict[str, Deprecation]:
        """Those of these versions that are deprecated, by version id."""
        ids = list(version_ids)
        if not ids:
            return {}
        with self._ledger.store.read() as session:
            return _among(session, ids, by)

    def elsewhere(self, model: Model, *, by: Actor, limit: int = 20) -> list[Successor]:
        """Champions of other models of the same domain and task that could follow, by name."""
        asked = {"domain": model.domain, "task": model.task, "not": model.id, "most": limit}
        with self._ledger.store.read() as session:
            found = session.connection().execute(_ELSEWHERE, asked)
            return [
                Successor(row.version_id, row.id, row.name, row.number, row.server, row.workspace)
                for row in found
                if decide(by, "model:read", resource(row))
            ]


def say_farewell(
    act: Act, version: VersionRow, model: ModelRow, farewell: Farewell, *, by: Actor
) -> None:
    """Deprecate a version within an act. Raises as `deprecate`."""
    decide(by, "version:deprecate", resource(model)).insist()
    successor = _successor(act.session, version, farewell.successor_id, by)
    ends_on = farewell.ends_on.isoformat()
    act.session.merge(
        DeprecationRow(
            version_id=version.id,
            model_id=model.id,
            successor_id=successor.id if successor else None,
            ends_on=farewell.ends_on,
            message=farewell.message,
            deprecated_by=by.id,
            deprecated_at=act.at,
        )
    )
    act.facts |= {"model": model.id, "ends_on": ends_on}
    if successor:
        act.facts["successor"] = successor.id
    act.emit("version:deprecate", version.id, model=model.id, ends_on=ends_on)
    act.session.flush()


def may_go_live(session: Session, version_id: str, now: datetime, by: Actor) -> Verdict:
    """Whether a version may be released: not once somebody sent it on its way out."""
    found = _among(session, [version_id], by).get(version_id)
    if found is None:
        return Verdict(True, "It is not deprecated.")
    when = "since" if found.is_obsolete(now.date()) else "from"
    instead = found.successor
    return Verdict(
        False,
        f"Version {found.number} is deprecated and must not be used {when} "
        f"{found.ends_on.isoformat()}: {found.message}",
        "deprecated",
        f"Release its successor, {instead.model_name} v{instead.number}."
        if instead
        else "Release another version, or have its owner take the deprecation back.",
    )


def _message(message: str) -> str:
    return statement(
        message,
        "message",
        longest=LONGEST_MESSAGE,
        hint="Tell those who use the version why it goes and what to do.",
    )


def hold(session: Session, *version_ids: str) -> None:
    """Hold versions until the act is over, in one order: two acts must not wait in a ring."""
    session.exec(
        select(VersionRow.id)
        .where(col(VersionRow.id).in_(version_ids))
        .order_by(col(VersionRow.id))
        .with_for_update()
    ).all()


def _found(session: Session, version_id: str, by: Actor) -> tuple[VersionRow, ModelRow]:
    """A version that is there, and its model. Raises NotFound."""
    version = session.get(VersionRow, version_id)
    model = session.get(ModelRow, version.model_id) if version else None
    gone = version is None or model is None or version.gone_at is not None
    if gone or version is None or model is None or not decide(by, "model:read", resource(model)):
        raise NotFound("There is no such version.", hint=_NO_VERSION_HINT, code="no-such-version")
    return version, model


def _successor(
    session: Session, version: VersionRow, successor_id: str, by: Actor
) -> VersionRow | None:
    """The version that comes instead. Raises NotFound, Conflict."""
    if not successor_id:
        return None
    if successor_id == version.id:
        raise Conflict(
            "A version does not follow itself.",
            hint="Choose another version, or none.",
            code="successor-itself",
        )
    following, _model = _found(session, successor_id, by)
    if session.get(DeprecationRow, following.id) is not None:
        raise Conflict(
            f"Version {following.number} is deprecated itself.",
            hint="Choose a version that stays in use, or none.",
            code="successor-deprecated",
        )
    return following


_ONE: Final = aliased(VersionRow)
_NEXT: Final = aliased(VersionRow)
_ALL: Final[Select[*tuple[Any, ...]]] = (
    columns(
        col(DeprecationRow.version_id),
        col(DeprecationRow.model_id),
        col(_ONE.number),
        col(DeprecationRow.ends_on),
        col(DeprecationRow.message),
        col(DeprecationRow.deprecated_by),
        col(DeprecationRow.deprecated_at),
        col(DeprecationRow.successor_id),
        col(_NEXT.number).label("next_number"),
        # The successor's model, named as `resource` reads it.
        *MODEL,
    )
    .join(_ONE, col(_ONE.id) == col(DeprecationRow.version_id))
    .outerjoin(_NEXT, col(_NEXT.id) == col(DeprecationRow.successor_id))
    .outerjoin(ModelRow, col(ModelRow.id) == col(_NEXT.model_id))
)
_IDS: Final[BindParameter[Any]] = bindparam("ids", expanding=True)
_AMONG: Final[Executable] = _ALL.where(col(DeprecationRow.version_id).in_(_IDS))
_OF_MODEL: Final[Executable] = _ALL.where(col(DeprecationRow.model_id) == bindparam("model"))

_ELSEWHERE: Final[Executable] = (
    columns(*MODEL, col(AliasRow.version_id), col(AliasRow.number))
    .join(AliasRow, col(AliasRow.model_id) == col(ModelRow.id))
    .outerjoin(DeprecationRow, col(DeprecationRow.version_id) == col(AliasRow.version_id))
    .where(
        col(ModelRow.domain) == bindparam("domain"),
        col(ModelRow.task) == bindparam("task"),
        col(ModelRow.id) != bindparam("not"),
        col(ModelRow.gone_at).is_(None),
        col(AliasRow.alias) == "champion",
        col(DeprecationRow.version_id).is_(None),
    )
    .order_by(col(ModelRow.name), col(ModelRow.id))
    .limit(bindparam("most", type_=Integer()))
)


def _among(session: Session, version_ids: list[str], by: Actor) -> dict[str, Deprecation]:
    found = session.connection().execute(_AMONG, {"ids": version_ids})
    return {row.version_id: _deprecation(row, by) for row in found}


def _deprecation(row: Row[Any], by: Actor) -> Deprecation:
    """A row as a value; a successor that the reader may not know of is left out."""
    successor = None
    if row.successor_id and decide(by, "model:read", resource(row)):
        successor = Successor(
            row.successor_id, row.id, row.name, row.next_number, row.server, row.workspace
        )
    return Deprecation(
        row.version_id,
        row.model_id,
        row.number,
        row.ends_on,
        row.message,
        successor,
        row.deprecated_by,
        row.deprecated_at,
    )
