"""The people desk: who is known, how they come in, and how they are sent away."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Executable, and_, bindparam, or_
from sqlalchemy import select as sa_select
from sqlmodel import Session, col, select

from auth import invitations, passwords
from auth.access import ANYTHING, decide
from auth.actors import NOBODY, Actor, HeldRole, Kind, Scope
from auth.administrators import is_set_up, keep_an_administrator, make_first
from auth.lockout import forget_misses, may_try
from auth.permissions import ROLE_PERMISSIONS, Role
from auth.tables import GrantRow, PasswordRow, PrincipalRow, SessionRow, TokenRow
from ledger.acts import Ledger
from ledger.errors import Conflict, Invalid, NotFound, Refused, TooMany, Unauthenticated
from ledger.ids import new_id
from ledger.store import UtcDateTime
from ledger.trail import UNKNOWN

_EMAIL: Final = re.compile(r"[^@\s]{1,64}@[^@\s]{1,190}")
LONGEST_NAME: Final = 120
# Who may do one of these is never invited again by somebody else once they have a password.
_WEIGHTY: Final = frozenset({"release:decide", "grant:give"})


@dataclass(frozen=True)
class Person:
    """Somebody known to Countersign: a person, or a serving application."""

    id: str
    kind: Kind
    name: str
    email: str
    created_at: datetime
    disabled_at: datetime | None

    @property
    def is_enabled(self) -> bool:
        """Whether they may come in."""
        return self.disabled_at is None


class People:
    """Everybody who can act."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    # -- verbs ---------------------------------------------------------------------------------

    def add(self, name: str, email: str, *, by: Actor) -> tuple[Person, str]:
        """Make a person known. Returns them and a one-time invitation code to set a password.

        The address of somebody who was disabled may be given again: to a new person, who holds no
        role and did nothing yet.
        """
        name, email = _name(name), _email(email)
        with self._ledger.act("person:add", actor=by.id, resource="person:*") as act:
            decide(by, "person:add", ANYTHING).insist()
            _free_address(act.session, email)
            row = _principal(Kind.PERSON, name, email, act.at)
            act.session.add(row)
            act.session.flush()
            act.resource = f"person:{row.id}"
            act.texts |= {"name": name, "email": email}
            code = invitations.invite(act.session, row.id, act.at)
        return _person(row), code

    def invite_again(self, person_id: str, *, by: Actor) -> str:
        """A new invitation code, for a person who lost theirs or forgot the password.

        Whoever holds the code becomes that person. So nobody who decides or governs, and has a
        password, is invited again: one administrator alone could act in their name. Raises Refused.
        """
        with self._ledger.act("person:invite", actor=by.id, resource=f"person:{person_id}") as act:
            decide(by, "person:add", ANYTHING).insist()
            row = _get(act.session, person_id)
            if act.session.get(PasswordRow, person_id) and _decides(act.session, person_id):
                raise Refused(
                    f"{row.name} decides or governs and has a password, which nobody else resets.",
                    hint="Disable the person and add them anew, or ask them to use their password.",
                    code="self-reset-needed",
                )
            return invitations.invite(act.session, person_id, act.at)

    def disable(self, person_id: str, *, by: Actor) -> None:
        """Send somebody away: their sessions and tokens end with this transaction."""
        with self._ledger.act("person:disable", actor=by.id, resource=f"person:{person_id}") as act:
            decide(by, "person:disable", ANYTHING).insist()
            row = _get(act.session, person_id)
            if person_id == by.id:
                raise Refused(
                    "Nobody can disable themselves.",
                    hint="Ask another governance admin.",
                    code="self-disable",
                )
            keep_an_administrator(act.session, without=person_id)
            row.disabled_at = act.at
            act.session.add(row)
            _end_sessions(act.session, person_id, act.at)
            invitations.close(act.session, person_id, act.at)
            for token in act.session.exec(
                select(TokenRow).where(
                    TokenRow.principal_id == person_id, col(TokenRow.revoked_at).is_(None)
                )
            ):
                token.revoked_at = act.at
                act.session.add(token)

    def enable(self, person_id: str, *, by: Actor) -> None:
        """Let somebody in again. Their old sessions and tokens stay ended."""
        with self._ledger.act("person:enable", actor=by.id, resource=f"person:{person_id}") as act:
            decide(by, "person:disable", ANYTHING).insist()
            row = _get(act.session, person_id)
            if row.kind == Kind.PERSON and row.email is None:
                raise Conflict(
                    f"The address of {row.name} was given to a new person.",
                    hint="Enable or invite the new one; this one stays for the record.",
                    code="replaced",
                )
            row.disabled_at = None
            act.session.add(row)

    def accept_invitation(self, code: str, password: str) -> Person:
        """Set a password with a one-time code; sessions begun with an older one end.

        Raises Unauthenticated when the code is spent.
        """
        passwords.check_strength(password)
        person_id = self._look_up("person:accept", code, sets_up=False)
        kept = passwords.hashed(password)
        with self._ledger.act("person:accept", actor=NOBODY.id, resource="person:*") as act:
            row = act.session.get(PrincipalRow, person_id, with_for_update=True)
            if row is None or row.disabled_at is not None:
                raise invitations.spent()
            act.resource = f"person:{row.id}"
            invitations.spend(act.session, code, act.at)
            invitations.close(act.session, row.id, act.at)
            _set_password(act.session, row, kept, act.at)
        return _person(row)

    def set_up(self, code: str, name: str, email: str, password: str) -> Person:
        """Create the first administrator with the code that was printed on the terminal."""
        name, email = _name(name), _email(email)
        passwords.check_strength(password)
        self._look_up("person:set-up", code, sets_up=True)
        kept = passwords.hashed(password)
        with self._ledger.act("person:set-up", actor=NOBODY.id, resource="person:*") as act:
            invitation = invitations.spend(act.session, code, act.at)
            if invitation.principal_id is not None or is_set_up(act.session):
                raise invitations.spent()
            row = _principal(Kind.PERSON, name, email, act.at)
            act.session.add(row)
            act.session.flush()
            _set_password(act.session, row, kept, act.at)
            make_first(act.session, row.id, act.at)
            act.resource = f"person:{row.id}"
            act.texts |= {"name": name, "email": email}
        return _person(row)

    def set_up_code(self, *, by: Actor) -> str | None:
        """A fresh set-up code while there is no administrator yet, else nothing."""
        with self._ledger.store.read() as session:
            if is_set_up(session):
                return None
        with self._ledger.act("person:set-up:offer", actor=by.id, resource="person:*") as act:
            decide(by, "person:add", ANYTHING).insist()
            return invitations.invite(act.session, None, act.at)

    def set_password(self, person_id: str, password: str, *, by: Actor) -> None:
        """Set a password from outside: for the demo organisation's generated ones."""
        passwords.check_strength(password)
        kept = passwords.hashed(password)
        with self._ledger.act(
            "person:password", actor=by.id, resource=f"person:{person_id}"
        ) as act:
            decide(by, "person:add", ANYTHING).insist()
            _set_password(act.session, _get(act.session, person_id), kept, act.at)

    # -- coming in -----------------------------------------------------------------------------

    def check_password(self, email: str, password: str) -> Person:
        """The person with this e-mail address and password.

        An address that nobody has is locked like any other, so that nobody learns who is known.

        Raises:
            Unauthenticated: no such person, wrong password, or disabled; it does not say which.
            TooMany: locked for 15 minutes after 5 misses in a row.
        """
        email = email.strip().lower()[:256]
        with self._ledger.store.read() as session:
            row = session.exec(select(PrincipalRow).where(PrincipalRow.email == email)).first()
            kept = session.get(PasswordRow, row.id) if row else None
        if not may_try(self._ledger, email):
            refusal = TooMany(
                "Too many wrong passwords in a row, so this account is locked for 15 minutes.",
                hint="Wait, or ask a governance admin for a new invitation.",
                code="locked",
            )
            self._refused(row, refusal)
            raise refusal
        right = passwords.matches(kept.hash if kept else None, password)
        if row is None or not right or row.disabled_at is not None:
            wrong = Unauthenticated(
                "The e-mail address or the password is not right.",
                hint="Check both; after 5 misses the account is locked for 15 minutes.",
                code="wrong-password",
            )
            self._refused(row, wrong)
            raise wrong
        with self._ledger.store.write() as session:
            forget_misses(session, email)
        return _person(row)

    def _refused(self, row: PrincipalRow | None, refusal: Unauthenticated | TooMany) -> None:
        resource = f"person:{row.id}" if row else "person:unknown"
        self._ledger.refuse_look(
            "session:start", actor=NOBODY.id, resource=resource, refusal=refusal
        )

    def _look_up(self, act: str, code: str, *, sets_up: bool) -> str:
        """Whose password a code sets, empty for the set-up code. Raises Unauthenticated.

        Asked before anything is hashed or written: strangers may send any number of codes.
        """
        try:
            with self._ledger.store.read() as session:
                row = invitations.opened(session, code, self._ledger.clock.now())
            if (row.principal_id is None) is not sets_up:
                raise invitations.spent()
        except Unauthenticated as spent:
            self._ledger.refuse_look(
                act, actor=NOBODY.id, resource=f"person:{UNKNOWN}", refusal=spent
            )
            raise
        return row.principal_id or ""

    # -- looking -------------------------------------------------------------------------------

    def everybody(self, *, by: Actor) -> list[Person]:
        """All people and applications, by name. Raises Refused."""
        decide(by, "person:read", ANYTHING).insist()
        with self._ledger.store.read() as session:
            rows = session.exec(select(PrincipalRow).order_by(PrincipalRow.name)).all()
        return [_person(row) for row in rows]

    def names(self, ids: set[str]) -> dict[str, str]:
        """The names behind opaque ids, for a screen that shows who did something."""
        wanted = {one for one in ids if one}
        if not wanted:
            return {}
        with self._ledger.store.read() as session:
            known = dict(session.connection().execute(_NAMES, {"ids": list(wanted)}).all())
        return {
            one: known.get(one) or Actor.system(one.partition(":")[2]).name
            if one.startswith("system:")
            else known.get(one, "Somebody unknown")
            for one in wanted
        }

    def by_email(self, email: str) -> Person | None:
        """The person with this e-mail address."""
        with self._ledger.store.read() as session:
            row = session.exec(
                select(PrincipalRow).where(PrincipalRow.email == email.strip().lower())
            ).first()
        return _person(row) if row else None

    def actor(self, principal_id: str, *, session_id: str = "") -> Actor:
        """Somebody as an actor, with the roles held now. Raises Unauthenticated when sent away."""
        with self._ledger.store.read() as session:
            now = self._ledger.clock.now()
            return load_actor(session, principal_id, at=now, session_id=session_id)


def load_actor(session: Session, principal_id: str, *, at: datetime, session_id: str = "") -> Actor:
    """The actor behind a principal, with the roles held at that moment: some end by themselves.

    Raises Unauthenticated when unknown or disabled.
    """
    found = session.connection().execute(_ACTOR, {"id": principal_id, "at": at}).all()
    if not found or found[0].disabled_at is not None:
        raise Unauthenticated(
            "This account is disabled.", hint="Ask a governance admin.", code="disabled"
        )
    held = tuple(
        HeldRole(Role(row.role), Scope(row.scope_kind, row.scope_id), row.grant_id)
        for row in found
        if row.role is not None
    )
    who = found[0]
    return Actor(principal_id, Kind(who.kind), who.name, who.email or "", held, session_id)


def as_of_now(session: Session, by: Actor, *, at: datetime) -> Actor:
    """The same actor with the roles held at this moment, inside the transaction of an act.

    A writer may have waited for its turn, and roles may have been taken meanwhile. Raises
    Unauthenticated for somebody who was sent away in that time.
    """
    if by.kind is Kind.SYSTEM:
        return by
    return load_actor(session, by.id, at=at, session_id=by.session_id)


# Asked on every click of everybody, so it is one question, built once.
_ACTOR: Final[Executable] = (
    sa_select(
        col(PrincipalRow.kind),
        col(PrincipalRow.name),
        col(PrincipalRow.email),
        col(PrincipalRow.disabled_at),
        col(GrantRow.id).label("grant_id"),
        col(GrantRow.role),
        col(GrantRow.scope_kind),
        col(GrantRow.scope_id),
    )
    .select_from(PrincipalRow)
    .join(
        GrantRow,
        and_(
            col(GrantRow.principal_id) == col(PrincipalRow.id),
            or_(
                col(GrantRow.expires_at).is_(None),
                col(GrantRow.expires_at) > bindparam("at", type_=UtcDateTime),
            ),
        ),
        isouter=True,
    )
    .where(col(PrincipalRow.id) == bindparam("id"))
    .order_by(col(GrantRow.given_at), col(GrantRow.id))
)


def _principal(kind: Kind, name: str, email: str | None, at: datetime) -> PrincipalRow:
    prefix = "per" if kind is Kind.PERSON else "app"
    return PrincipalRow(id=new_id(prefix), kind=kind, name=name, email=email, created_at=at)


def _person(row: PrincipalRow) -> Person:
    return Person(
        row.id, Kind(row.kind), row.name, row.email or "", row.created_at, row.disabled_at
    )


def _get(session: Session, person_id: str) -> PrincipalRow:
    """The person, held until the act is over: two acts on one person come one after the other."""
    row = session.get(PrincipalRow, person_id, with_for_update=True)
    if row is None:
        raise NotFound("There is no such person.", hint="Choose one from the list of people.")
    return row


def _free_address(session: Session, email: str) -> None:
    """Take an address from somebody disabled. Raises Conflict when somebody else has it."""
    there = session.exec(
        select(PrincipalRow).where(PrincipalRow.email == email).with_for_update()
    ).first()
    if there is None:
        return
    if there.disabled_at is None:
        raise Conflict(
            f"{email} is known already.",
            hint="Find them in the list of people.",
            code="email-known",
        )
    there.email = None
    session.add(there)
    session.flush()


def _decides(session: Session, person_id: str) -> bool:
    """Whether a person holds a role that decides releases or gives roles, on anything."""
    held = session.exec(select(GrantRow.role).where(GrantRow.principal_id == person_id))
    return any(ROLE_PERMISSIONS[Role(role)] & _WEIGHTY for role in held)


def _set_password(session: Session, person: PrincipalRow, kept: str, at: datetime) -> None:
    row = session.get(PasswordRow, person.id) or PasswordRow(principal_id=person.id, hash=kept)
    row.hash = kept
    session.add(row)
    # Whoever knew the old password is out.
    _end_sessions(session, person.id, at)
    forget_misses(session, person.email or "")


def _end_sessions(session: Session, person_id: str, at: datetime) -> None:
    for row in session.exec(
        select(SessionRow).where(
            SessionRow.principal_id == person_id, col(SessionRow.ended_at).is_(None)
        )
    ):
        row.ended_at = at
        session.add(row)


def _name(name: str) -> str:
    name = " ".join(name.split())
    if not 1 <= len(name) <= LONGEST_NAME:
        raise Invalid(
            f"A name has 1 to {LONGEST_NAME} characters.", hint="Give first and last name."
        )
    return name


def _email(email: str) -> str:
    email = email.strip().lower()
    if not _EMAIL.fullmatch(email):
        raise Invalid(
            f"{email[:80]!r} is no e-mail address.", hint="It looks like ann@example.com."
        )
    return email


# Asked on every click on most screens: built once.
_NAMES: Final = sa_select(col(PrincipalRow.id), col(PrincipalRow.name)).where(
    col(PrincipalRow.id).in_(bindparam("ids", expanding=True))
)
