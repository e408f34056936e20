"""The desk of findings: opened, put right by their owner, closed by somebody else who looked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from itertools import islice
from typing import Any, Final

from sqlalchemy import Date, Executable, Integer, Row, String, and_, bindparam, case, func, or_
from sqlalchemy import select as columns
from sqlmodel import Session, col, select

from auth.access import Verdict, decide, insist_visible, may_anywhere
from auth.actors import Actor
from auth.holders import holders
from auth.people import as_of_now, load_actor
from catalog.registry.models import Model, resource
from catalog.registry.tables import ModelRow, VersionRow
from catalog.registry.visible import VISIBLE, seen_by
from catalog.releases.findings.detection import Detection, detection
from catalog.releases.findings.finding import (
    STANDING,
    UNEXPLAINED,
    Finding,
    FindingState,
    FindingVerb,
    Kind,
    Severity,
    after,
    load_findings,
)
from catalog.releases.findings.opening import (
    LONGEST_TEXT,
    Problem,
    checked_day,
    checked_title,
    open_finding,
)
from catalog.releases.findings.rights import may_assign, may_close, may_remedy, reviewers_of
from catalog.releases.reconciliation.known import read_known
from catalog.releases.reconciliation.remedies import put_right
from catalog.releases.tables import FindingRow
from ledger.acts import Act, Ledger
from ledger.errors import Conflict, NotFound, Refused, Unauthenticated
from ledger.statements import statement

PAGE: Final = 25
_HINT: Final = "Open it from Findings."


@dataclass(frozen=True)
class Wanted:
    """Which findings to list; an empty field leaves everything in."""

    states: frozenset[FindingState] = frozenset()
    kinds: frozenset[Kind] = frozenset()
    model_id: str = ""
    owner_id: str = ""


@dataclass(frozen=True)
class Page:
    """One page of findings, how many there are in all, and how many of them are overdue."""

    findings: tuple[Finding, ...]
    total: int
    overdue: int


@dataclass(frozen=True)
class Waiting:
    """What waits for somebody, and whether more does than was read."""

    findings: tuple[Finding, ...] = ()
    has_more: bool = False


@dataclass(frozen=True)
class May:
    """What a reader may do about a finding now."""

    remedy: Verdict
    close: Verdict
    assign: Verdict


class Findings:
    """The desk of findings."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    # -- looking -------------------------------------------------------------------------------

    def get(self, finding_id: str, *, by: Actor) -> Finding:
        """One finding, by its id or its number. Raises NotFound."""
        with self._ledger.store.read() as session:
            row, _model = _visible(session, finding_id, by)
            return load_findings(session, [row])[0]

    def may(self, finding_id: str, *, by: Actor) -> May:
        """What this person may do about it. Raises NotFound."""
        with self._ledger.store.read() as session:
            row, model = _visible(session, finding_id, by)
            return May(
                may_remedy(by, row, model),
                may_close(session, by, row, model),
                may_assign(session, by, row, model),
            )

    def page(self, wanted: Wanted, *, by: Actor, limit: int = PAGE, offset: int = 0) -> Page:
        """One page of the findings the actor may see: what stands and is due first comes first."""
        asked = {
            **seen_by(by, "release:read"),
            "states": list(wanted.states or FindingState),
            "kinds": list(wanted.kinds or Kind),
            "model": wanted.model_id,
            "owner": wanted.owner_id,
            "today": self._ledger.clock.now().date(),
        }
        with self._ledger.store.read() as session:
            connection = session.connection()
            total, overdue = connection.execute(_COUNT, asked).one()
            rows = connection.execute(_PAGE, asked | {"limit": limit, "offset": offset}).all()
            return Page(tuple(load_findings(session, rows)), total, overdue or 0)

    def waiting(self, *, by: Actor, limit: int = PAGE) -> Waiting:
        """What this person can do something about: put right what is theirs, close what is done.

        What nobody owns waits for whoever says who owns a model. At most `limit` of each is read.
        """
        asked = {
            **seen_by(by, "release:read"),
            **dict.fromkeys(("model", "owner"), ""),
            "kinds": list(Kind),
            "limit": limit + 1,
            "offset": 0,
        }
        mine = asked | {"states": [FindingState.OPEN], "owner": by.id}
        done = asked | {"states": [FindingState.REMEDIED]}
        urgent = asked | {"states": [FindingState.OPEN], "kinds": [Kind.EMERGENCY]}
        with self._ledger.store.read() as session:
            found = [list(session.connection().execute(_PAGE, mine).all())]
            if may_anywhere(by, "model:classify"):
                found.append(list(session.connection().execute(_UNOWNED, mine).all()))
            if may_anywhere(by, "finding:close"):
                found.append(list(islice(_closable(session, urgent, by), limit + 1)))
                found.append(list(islice(_closable(session, done, by), limit + 1)))
            rows = {row.id: row for each in found for row in each[:limit]}
            has_more = any(len(each) > limit for each in found)
            return Waiting(tuple(load_findings(session, rows.values())) if rows else (), has_more)

    def owners(self, finding_id: str, *, by: Actor) -> list[Actor]:
        """Those it can be given to, by name: the people who may read the model. Raises NotFound.

        The review of an emergency is given only to those who may review it.
        """
        with self._ledger.store.read() as session:
            row, model = _visible(session, finding_id, by)
            if row.kind == Kind.EMERGENCY:
                return reviewers_of(session, row, model)
            return holders(session, "release:read", resource(model))

    def detection(self, *, by: Actor) -> Detection:
        """How long it took to find what moved outside the process, of the last 30 days."""
        with self._ledger.store.read() as session:
            return detection(session, by, now=self._ledger.clock.now())

    def people(self, model: Model, *, by: Actor) -> dict[str, str]:
        """Who can be given a finding on a model: names by id, for whoever may open one there."""
        if not decide(by, "finding:open", model.resource):
            return {}
        with self._ledger.store.read() as session:
            return {one.id: one.name for one in holders(session, "release:read", model.resource)}

    # -- verbs ---------------------------------------------------------------------------------

    def open(
        self,
        version_id: str,
        title: str,
        detail: str,
        *,
        severity: Severity,
        owner_id: str,
        due_on: date,
        by: Actor,
    ) -> Finding:
        """Open a finding on a version by hand.

        Raises:
            Invalid: it says nothing, or its day lies in the past.
            NotFound, Refused: no such version or owner; no role here.
        """
        title, detail = checked_title(title), _text(detail, "detail")
        due_on = checked_day(due_on, self._ledger.clock.now().date())
        with self._ledger.act("finding:open", actor=by.id, resource="finding:*") as act:
            by = as_of_now(act.session, by, at=act.at)
            version = act.session.get(VersionRow, version_id)
            model = act.session.get(ModelRow, version.model_id) if version else None
            if version is None or model is None or not decide(by, "model:read", resource(model)):
                raise NotFound("There is no such version.", hint="Choose one on the Model page.")
            decide(by, "finding:open", resource(model)).insist()
            _insist_person(act.session, owner_id, model, at=act)
            row = open_finding(
                act,
                Problem(
                    Kind.OBSERVATION,
                    severity,
                    title,
                    detail,
                    due_on,
                    owner_id,
                    model.id,
                    version.id,
                    version.number,
                ),
                by=by,
            )
            if row is None:
                raise NotFound("There is no such finding.", hint=_HINT)
            self._told(act, row)
            act.texts |= {"title": title, "detail": detail}
            return load_findings(act.session, [row])[0]

    def remedy(self, finding_id: str, how: str, *, by: Actor) -> Finding:
        """Say what was done about it; somebody else closes it, or opens it again."""
        how = _text(how, "remedy", hint="Say what was done, and where it can be seen.")
        with self._ledger.act(
            "finding:remedy", actor=by.id, resource=f"finding:{finding_id}"
        ) as act:
            row, model, by = self._locked(act, finding_id, by)
            after(FindingState(row.state), FindingVerb.REMEDY)
            may_remedy(by, row, model).insist()
            row.state = after(FindingState(row.state), FindingVerb.REMEDY)
            row.remedy, row.remedied_by, row.remedied_at = how, by.id, act.at
            act.session.add(row)
            act.texts["remedy"] = how
            act.emit("finding:remedied", row.id, model=row.model_id)
            return load_findings(act.session, [row])[0]

    def close(self, finding_id: str, why: str, *, by: Actor) -> Finding:
        """Close it, having seen that it was put right; not by whoever says so."""
        why = _text(why, "reason", hint="Say what you looked at.")
        with self._ledger.act(
            "finding:close", actor=by.id, resource=f"finding:{finding_id}"
        ) as act:
            row, model, by = self._locked(act, finding_id, by)
            is_review = row.kind == Kind.EMERGENCY and row.state == FindingState.OPEN
            verb = FindingVerb.REVIEW if is_review else FindingVerb.CLOSE
            following = after(FindingState(row.state), verb)
            may_close(act.session, by, row, model).insist()
            _insist_put_right(act.session, row)
            row.state = following
            row.closed_by, row.closed_at, row.closed_why = by.id, act.at, why
            act.session.add(row)
            act.texts["reason"] = why
            act.emit("finding:closed", row.id, model=row.model_id, request=row.request_id)
            return load_findings(act.session, [row])[0]

    def reopen(self, finding_id: str, why: str, *, by: Actor) -> Finding:
        """Say that it was not put right."""
        why = _text(why, "reason", hint="Say what is still wrong.")
        with self._ledger.act(
            "finding:reopen", actor=by.id, resource=f"finding:{finding_id}"
        ) as act:
            row, model, by = self._locked(act, finding_id, by)
            following = after(FindingState(row.state), FindingVerb.REOPEN)
            may_close(act.session, by, row, model).insist()
            row.state = following
            act.session.add(row)
            act.texts["reason"] = why
            act.emit("finding:reopened", row.id, model=row.model_id)
            return load_findings(act.session, [row])[0]

    def assign(
        self, finding_id: str, why: str, *, owner_id: str, due_on: date, by: Actor
    ) -> Finding:
        """Give it to somebody else, or another day, with the reason."""
        why = _text(why, "reason", hint="Say in a sentence why.")
        due_on = checked_day(due_on, self._ledger.clock.now().date())
        with self._ledger.act(
            "finding:assign", actor=by.id, resource=f"finding:{finding_id}"
        ) as act:
            row, model, by = self._locked(act, finding_id, by)
            _insist_stands(row)
            may_assign(act.session, by, row, model).insist()
            if row.kind == Kind.EMERGENCY and due_on > row.due_on:
                raise Refused(
                    "The review of an emergency is not put off.",
                    hint="Review it in time, or let the approval lapse and ask again.",
                    code="not-put-off",
                )
            if row.kind == Kind.EMERGENCY:
                _insist_reviewer(act.session, owner_id, row, model)
            elif owner_id != row.owner_id:
                _insist_person(act.session, owner_id, model, at=act)
            act.facts |= {"due-before": row.due_on.isoformat(), "due": due_on.isoformat()}
            act.facts |= {"owner-before": row.owner_id, "owner": owner_id}
            row.owner_id, row.due_on, row.reminded_on = owner_id, due_on, None
            act.session.add(row)
            act.texts["reason"] = why
            act.emit("finding:assigned", row.id, model=row.model_id)
            return load_findings(act.session, [row])[0]

    # -- the inside ----------------------------------------------------------------------------

    def _locked(self, act: Act, finding_id: str, by: Actor) -> tuple[FindingRow, ModelRow, Actor]:
        row, model = _visible(act.session, finding_id, by)
        act.session.refresh(row, with_for_update=True)
        self._told(act, row)
        return row, model, as_of_now(act.session, by, at=act.at)

    @staticmethod
    def _told(act: Act, row: FindingRow) -> None:
        act.resource = f"finding:{row.id}"
        act.facts |= {"model": row.model_id, "kind": row.kind, "severity": row.severity}
        if row.request_id:
            act.facts["request"] = row.request_id


def _closable(session: Session, asked: dict[str, Any], by: Actor) -> Iterator[Row[Any]]:
    """Those of the findings asked for that this person may close, read a page at a time."""
    offset = 0
    while rows := session.connection().execute(_PAGE, asked | {"offset": offset}).all():
        offset += len(rows)
        for row in rows:
            if may_close(session, by, row, session.get_one(ModelRow, row.model_id)):
                yield row


def _visible(session: Session, finding_id: str, by: Actor) -> tuple[FindingRow, ModelRow]:
    row = session.exec(_CALLED, params={"called": finding_id}).first()
    if row is None:
        raise NotFound("There is no such finding.", hint=_HINT)
    model = session.get_one(ModelRow, row.model_id)
    insist_visible(by, "release:read", resource(model), "such finding", _HINT)
    return row, model


def _insist_stands(row: FindingRow) -> None:
    """Raises Conflict for who comes too late."""
    if row.state not in STANDING:
        raise Conflict(
            f"This finding is {row.state.lower()}, so it is too late for that.",
            hint="Reload the page to see who did what in the meantime.",
            code="wrong-state",
        )


def _insist_put_right(session: Session, row: FindingRow) -> None:
    """An alias that nobody approved where it is is not put right by saying so. Raises Conflict."""
    if row.kind not in UNEXPLAINED or not row.alias:
        return
    if not put_right(read_known(session, [row.model_id])[row.model_id], row.alias):
        raise Conflict(
            f"{row.alias} is still where no approval that stands has put it.",
            hint="Set it back, or ask for the release of the version it is on; the finding closes "
            "by itself then.",
            code="still-astray",
        )


def _insist_person(session: Session, person_id: str, model: ModelRow, *, at: Act) -> None:
    """Raises NotFound for nobody, and for who may not even read of it."""
    try:
        person = load_actor(session, person_id, at=at.at)
    except Unauthenticated:
        person = None
    if person is None or not decide(person, "release:read", resource(model)):
        raise NotFound(
            "Nobody of this name can read the model.",
            hint="Choose somebody who can, or give them a role on Access.",
            code="no-such-person",
        )


def _insist_reviewer(session: Session, owner_id: str, row: FindingRow, model: ModelRow) -> None:
    """Raises Refused for who had a part in the emergency, or does not review here."""
    if owner_id not in {one.id for one in reviewers_of(session, row, model)}:
        raise Refused(
            "They cannot review this emergency: they had a part in it, or do not review here.",
            hint="Choose an approver or an independent validator who neither asked, built nor "
            "approved. A governance admin gives the role on Access.",
            code="not-a-reviewer",
        )


def _text(given: str, noun: str, hint: str = "") -> str:
    return statement(given, noun, longest=LONGEST_TEXT, hint=hint)


# Asked on every click: built once.
_CALLED: Final = select(FindingRow).where(
    or_(
        col(FindingRow.id) == bindparam("called", type_=String()),
        col(FindingRow.number) == bindparam("called", type_=String()),
    )
)
_MINE: Final = (
    col(ModelRow.id) == col(FindingRow.model_id),
    VISIBLE,
    col(FindingRow.state).in_(bindparam("states", expanding=True)),
    col(FindingRow.kind).in_(bindparam("kinds", expanding=True)),
    or_(
        bindparam("model", type_=String()) == "",
        col(FindingRow.model_id) == bindparam("model", type_=String()),
    ),
    or_(
        bindparam("owner", type_=String()) == "",
        col(FindingRow.owner_id) == bindparam("owner", type_=String()),
    ),
)
_WORST_FIRST: Final = {str(one): -place for place, one in enumerate(Severity)}
_STANDS: Final = col(FindingRow.state).in_(sorted(STANDING))
_COUNT: Final = columns(
    func.count(),
    func.sum(
        case((and_(_STANDS, col(FindingRow.due_on) < bindparam("today", type_=Date())), 1), else_=0)
    ),
).where(*_MINE)
_PAGE: Final[Executable] = (
    columns(*FindingRow.__table__.columns)  # type: ignore[attr-defined]
    .where(*_MINE)
    .order_by(
        case((_STANDS, 0), else_=1),
        case((_STANDS, col(FindingRow.due_on))),
        case((_STANDS, case(_WORST_FIRST, value=col(FindingRow.severity)))),
        col(FindingRow.place).desc(),
    )
    .limit(bindparam("limit", type_=Integer()))
    .offset(bindparam("offset", type_=Integer()))
)
_UNOWNED: Final[Executable] = (
    columns(*FindingRow.__table__.columns)  # type: ignore[attr-defined]
    .where(
        col(ModelRow.id) == col(FindingRow.model_id),
        VISIBLE,
        col(FindingRow.state) == FindingState.OPEN,
        col(FindingRow.owner_id) == "",
    )
    .order_by(col(FindingRow.due_on), col(FindingRow.place).desc())
    .limit(bindparam("limit", type_=Integer()))
)
