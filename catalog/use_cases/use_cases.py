"""AI use cases: proposed by the business, accepted by governance, closed when nobody needs them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import ColumnElement, and_, func
from sqlmodel import Session, col, select

from auth.access import Resource, Verdict, decide, insist_visible, visible_scopes
from auth.actors import Actor
from auth.tables import PrincipalRow
from catalog.use_cases.risk import RegulatoryClass, checked_class, checked_tier
from catalog.use_cases.tables import UseCaseRow
from ledger.acts import Act, Ledger
from ledger.errors import Conflict, Invalid, NotFound, Refused
from ledger.ids import new_id

LONGEST_NAME: Final = 120
LONGEST_PURPOSE: Final = 2000
_LONGEST_DOMAIN: Final = 80
_NO_TEXT: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_HINT: Final = "They are listed on the page AI use cases."


class Status(StrEnum):
    """Where a use case stands."""

    PROPOSED = "Proposed"
    ACCEPTED = "Accepted"
    CLOSED = "Closed"


class Verb(StrEnum):
    """What can be done to a use case; the words of the trail and of the buttons."""

    CHANGE = "change"
    ACCEPT = "accept"
    CLOSE = "close"


# (status, verb) -> the status it leads to, and the permission it takes in the use case's domain.
LAW: Final[Mapping[tuple[Status, Verb], tuple[Status, str]]] = {
    (Status.PROPOSED, Verb.CHANGE): (Status.PROPOSED, "use-case:propose"),
    (Status.PROPOSED, Verb.ACCEPT): (Status.ACCEPTED, "use-case:accept"),
    (Status.PROPOSED, Verb.CLOSE): (Status.CLOSED, "use-case:accept"),
    (Status.ACCEPTED, Verb.CHANGE): (Status.ACCEPTED, "use-case:accept"),
    (Status.ACCEPTED, Verb.CLOSE): (Status.CLOSED, "use-case:accept"),
}


@dataclass(frozen=True)
class Described:
    """What is said of a use case."""

    name: str
    purpose: str
    domain: str
    business_owner_id: str
    regulatory_class: str = ""
    tier: str = ""

    def checked(self) -> Described:
        """The same, its spaces in order. Raises Invalid."""
        name = _line(self.name, "The name", LONGEST_NAME)
        domain = _line(self.domain, "The domain", _LONGEST_DOMAIN)
        purpose = self.purpose.strip()
        if not 1 <= len(purpose) <= LONGEST_PURPOSE or _NO_TEXT.search(purpose):
            raise Invalid(
                f"The purpose has 1 to {LONGEST_PURPOSE:,} characters.",
                hint="Say in a few sentences what is decided, for whom, and what happens then.",
                code="bad-purpose",
            )
        return Described(
            name,
            purpose,
            domain,
            self.business_owner_id,
            checked_class(self.regulatory_class),
            checked_tier(self.tier),
        )


@dataclass(frozen=True)
class UseCase:
    """What models are used for."""

    id: str
    name: str
    purpose: str
    domain: str
    business_owner_id: str
    regulatory_class: str
    tier: str
    status: Status
    proposed_by: str
    created_at: datetime
    changed_at: datetime

    @property
    def resource(self) -> Resource:
        """The use case as the access law sees it."""
        return Resource("use-case", self.id, self.domain)

    @property
    def described(self) -> Described:
        """What is said of it."""
        return Described(
            self.name,
            self.purpose,
            self.domain,
            self.business_owner_id,
            self.regulatory_class,
            self.tier,
        )


class UseCases:
    """The desk of use cases."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    # -- looking -------------------------------------------------------------------------------

    def get(self, use_case_id: str, *, by: Actor) -> UseCase:
        """One use case. Raises NotFound."""
        with self._ledger.store.read() as session:
            return _use_case(_visible(session, use_case_id, by))

    def listing(self, *, by: Actor, limit: int = 25, offset: int = 0) -> list[UseCase]:
        """The use cases the actor may see, by name."""
        query = select(UseCaseRow).where(_seen(by)).order_by(func.lower(UseCaseRow.name))
        with self._ledger.store.read() as session:
            return [_use_case(row) for row in session.exec(query.limit(limit).offset(offset))]

    def count(self, *, by: Actor) -> int:
        """How many use cases the actor may see."""
        with self._ledger.store.read() as session:
            return session.exec(select(func.count()).select_from(UseCaseRow).where(_seen(by))).one()

    def names(self, ids: set[str]) -> dict[str, str]:
        """The names of use cases by id: whoever reads a model reads what it is for."""
        with self._ledger.store.read() as session:
            rows = session.exec(select(UseCaseRow).where(col(UseCaseRow.id).in_(ids - {""})))
            return {row.id: row.name for row in rows}

    def open_ones(self, *, by: Actor) -> dict[str, str]:
        """The names of the use cases a model can still be put under, by id."""
        query = select(UseCaseRow.id, UseCaseRow.name).where(
            _seen(by), UseCaseRow.status != Status.CLOSED
        )
        with self._ledger.store.read() as session:
            found = session.exec(query.order_by(func.lower(UseCaseRow.name)))
            return dict(found.all())

    def may_propose(self, *, by: Actor, domain: str = "") -> Verdict:
        """Whether the actor may propose a use case in a domain."""
        return decide(by, "use-case:propose", Resource("use-case", "*", domain))

    # -- verbs ---------------------------------------------------------------------------------

    def propose(self, said: Described, *, by: Actor) -> UseCase:
        """Write down what models are wanted for.

        Raises:
            Refused: the actor's roles do not reach this domain.
            Conflict: a use case is called so already.
        """
        said = said.checked()
        with self._ledger.act("use-case:propose", actor=by.id, resource="use-case:*") as act:
            self.may_propose(by=by, domain=said.domain).insist()
            _insist_name_is_free(act.session, said.name)
            _insist_owner(act.session, said.business_owner_id)
            row = UseCaseRow(
                id=new_id("uc"),
                name="",
                purpose="",
                domain="",
                business_owner_id="",
                status=Status.PROPOSED,
                proposed_by=by.id,
                created_at=act.at,
                changed_at=act.at,
            )
            act.resource = f"use-case:{row.id}"
            _write(act, row, said)
            act.emit("use-case:propose", row.id)
            return _use_case(row)

    def change(self, use_case_id: str, said: Described, *, by: Actor) -> UseCase:
        """Say something else of a use case. Once it is accepted, that takes an administrator."""
        said = said.checked()
        with self._act(use_case_id, Verb.CHANGE, by) as (act, row):
            may(_use_case(row), Verb.CHANGE, by=by).insist()
            if said.domain != row.domain:
                # It goes where the actor could have put it in the first place.
                self.may_propose(by=by, domain=said.domain).insist()
            if said.name != row.name:
                _insist_name_is_free(act.session, said.name, but=row.id)
            _insist_owner(act.session, said.business_owner_id)
            if row.status == Status.ACCEPTED:
                _insist_allowed(said.regulatory_class)
            _write(act, row, said)
            act.emit("use-case:change", row.id)
            return _use_case(row)

    def accept(self, use_case_id: str, *, by: Actor) -> UseCase:
        """Agree that models are used for this. Raises Refused for a prohibited use."""
        with self._act(use_case_id, Verb.ACCEPT, by) as (act, row):
            may(_use_case(row), Verb.ACCEPT, by=by).insist()
            _insist_allowed(row.regulatory_class)
            _step(act, row, Verb.ACCEPT)
            return _use_case(row)

    def close(self, use_case_id: str, reason: str, *, by: Actor) -> UseCase:
        """Say that models are not used for this any more, and why."""
        reason = _line(reason, "The reason", LONGEST_PURPOSE)
        with self._act(use_case_id, Verb.CLOSE, by) as (act, row):
            may(_use_case(row), Verb.CLOSE, by=by).insist()
            act.texts["reason"] = reason
            _step(act, row, Verb.CLOSE)
            return _use_case(row)

    @contextmanager
    def _act(self, use_case_id: str, verb: Verb, by: Actor) -> Iterator[tuple[Act, UseCaseRow]]:
        name = f"use-case:{verb}"
        with self._ledger.act(name, actor=by.id, resource=f"use-case:{use_case_id}") as act:
            row = _visible(act.session, use_case_id, by)
            act.session.refresh(row, with_for_update=True)
            yield act, row


def may(use_case: UseCase, verb: Verb, *, by: Actor) -> Verdict:
    """Whether this person may do that with a use case now."""
    way = LAW.get((use_case.status, verb))
    if way is None:
        return Verdict(
            False, f"This use case is {use_case.status.lower()}.", "wrong-state", "Reload the page."
        )
    return decide(by, way[1], use_case.resource)


def _step(act: Act, row: UseCaseRow, verb: Verb) -> None:
    act.facts |= {"was-status": row.status}
    row.status = LAW[Status(row.status), verb][0]
    row.changed_at = act.at
    act.facts["status"] = row.status
    act.session.add(row)
    act.emit(f"use-case:{verb}", row.id)


def _write(act: Act, row: UseCaseRow, said: Described) -> None:
    """Write what is said into the row and into the act, old beside new."""
    for name, kept, column in (
        ("owner", act.facts, "business_owner_id"),
        ("class", act.facts, "regulatory_class"),
        ("tier", act.facts, "tier"),
        ("name", act.texts, "name"),
        ("purpose", act.texts, "purpose"),
        ("domain", act.texts, "domain"),
    ):
        before, value = getattr(row, column), getattr(said, column)
        kept[name] = value
        if before and before != value:
            kept[f"was-{name}"] = before
        setattr(row, column, value)
    row.changed_at = act.at
    act.session.add(row)
    act.session.flush()


def _insist_allowed(regulatory_class: str) -> None:
    if regulatory_class == RegulatoryClass.PROHIBITED:
        raise Refused(
            "A prohibited use is not accepted.",
            hint="Close it, or say why it is of another class.",
            code="prohibited",
        )


def _insist_name_is_free(session: Session, name: str, but: str = "") -> None:
    held = select(UseCaseRow.id).where(
        func.lower(UseCaseRow.name) == name.lower(), UseCaseRow.id != but
    )
    if session.exec(held).first() is not None:
        raise Conflict(
            "A use case of this name is there already, perhaps in a domain you do not see.",
            hint="Choose another name.",
            code="name-taken",
        )


def _insist_owner(session: Session, person_id: str) -> None:
    owner = session.get(PrincipalRow, person_id)
    if owner is None or owner.kind != "person":
        raise NotFound("There is no such person to own it.", hint="Choose from the list.")


def _visible(session: Session, use_case_id: str, by: Actor) -> UseCaseRow:
    row = session.get(UseCaseRow, use_case_id)
    if row is None:
        raise NotFound("There is no such use case.", hint=_HINT)
    here = Resource("use-case", row.id, row.domain)
    insist_visible(by, "use-case:read", here, "such use case", _HINT)
    return row


def _seen(by: Actor) -> ColumnElement[bool]:
    """What the actor may see, as a condition: the same scopes `auth.access.decide` asks."""
    scopes = visible_scopes(by, "use-case:read")
    if any(scope.kind == "everything" for scope in scopes):
        return and_(True)
    domains = [scope.id for scope in scopes if scope.kind == "domain"]
    return col(UseCaseRow.domain).in_(domains)


def _use_case(row: UseCaseRow) -> UseCase:
    return UseCase(
        row.id,
        row.name,
        row.purpose,
        row.domain,
        row.business_owner_id,
        row.regulatory_class,
        row.tier,
        Status(row.status),
        row.proposed_by,
        row.created_at,
        row.changed_at,
    )


def _line(given: str, what: str, longest: int) -> str:
    """One line of text, its spaces in order. Raises Invalid."""
    given = " ".join(given.split())
    if not 1 <= len(given) <= longest or _NO_TEXT.search(given):
        raise Invalid(
            f"{what} has 1 to {longest:,} characters.",
            hint="Write it again by hand, without control characters.",
            code="bad-text",
        )
    return given
