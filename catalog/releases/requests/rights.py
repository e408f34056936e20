"""Who may ask for a release, who may decide it, and what may be said in it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Final

from sqlmodel import Session, col, select

from auth.access import Verdict, decide
from auth.actors import Actor, Kind
from auth.permissions import Role
from catalog.registry.deprecations import may_go_live
from catalog.registry.inventory import naming
from catalog.registry.models import resource
from catalog.registry.tables import AliasRow, ModelRow, VersionRow
from catalog.releases.findings.finding import STANDING as STANDING_FINDINGS
from catalog.releases.findings.finding import UNEXPLAINED
from catalog.releases.gates import asking as gates
from catalog.releases.policies.law import PANELS, Policy
from catalog.releases.states import OPEN, STANDING, Route, State, Verb, after, stands
from catalog.releases.tables import FindingRow, RequestRow
from ledger.errors import Invalid
from ledger.statements import statement

LONGEST_REASON: Final = 4000
# Small letters only: Champion and champion would be two aliases to us and one to some databases.
_ALIAS: Final = re.compile(r"[a-z][a-z0-9_-]{0,63}")
_RESERVED: Final = re.compile(r"latest|v\d+")


def may_request(
    session: Session, by: Actor, model: ModelRow, version: VersionRow, alias: str, now: datetime
) -> Verdict:
    """Whether this person may ask for this move now."""
    allowed = decide(by, "release:request", resource(model))
    if not allowed:
        return allowed
    named = naming.follows(naming.rule_for(session, model.domain), model.name, model.domain)
    if not named:
        return named
    held = session.exec(
        select(AliasRow).where(AliasRow.model_id == model.id, AliasRow.alias == alias)
    ).first()
    is_there = held is not None and held.version_id == version.id
    if is_there and not _is_unapproved(session, model.id, alias):
        return Verdict(
            False,
            f"Version {version.number} is {alias} already.",
            "already-live",
            "There is nothing to release.",
        )
    stays = may_go_live(session, version.id, now, by)
    if not stays:
        return stays
    return _not_asked_yet(session, version, alias)


def may_retire(
    session: Session, by: Actor, model: ModelRow, version: VersionRow, alias: str
) -> Verdict:
    """Whether this person may ask now that an alias be taken away from a version."""
    allowed = decide(by, "release:request", resource(model))
    if not allowed:
        return allowed
    held = session.get(AliasRow, (model.id, alias))
    if held is None or held.version_id != version.id:
        return Verdict(
            False,
            f"Version {version.number} is not {alias}.",
            "not-live",
            "Reload the page to see where its aliases point.",
        )
    return _not_asked_yet(session, version, alias)


def _not_asked_yet(session: Session, version: VersionRow, alias: str) -> Verdict:
    """Whether nobody asked about this version and this alias yet; only one can be decided."""
    asked = session.exec(
        select(RequestRow).where(
            RequestRow.version_id == version.id,
            RequestRow.alias == alias,
            col(RequestRow.state).in_(OPEN),
        )
    ).first()
    if asked is None:
        return Verdict(True, "Nobody asked for it yet.")
    return Verdict(
        False,
        f"{asked.number} asks for the same already.",
        "asked-already",
        "Open that request instead.",
    )


def _is_unapproved(session: Session, model_id: str, alias: str) -> bool:
    """Whether it was found that nobody approved an alias where it is: then it can be asked for."""
    found = session.exec(
        select(FindingRow.id).where(
            FindingRow.model_id == model_id,
            FindingRow.alias == alias,
            col(FindingRow.kind).in_(sorted(UNEXPLAINED)),
            col(FindingRow.state).in_(sorted(STANDING_FINDINGS)),
        )
    )
    return found.first() is not None


def may_decide(
    by: Actor,
    row: RequestRow,
    model: ModelRow,
    built_by: list[str],
    panels: Iterable[str] = (Role.APPROVER,),
) -> Verdict:
    """Who may approve, reject or send back: a person of a panel who neither asked nor built."""
    panels = tuple(panels)
    if State(row.state) not in {State.PENDING_REVIEW, State.IN_REVIEW}:
        return Verdict(False, f"{stands(State(row.state))}.", "wrong-state")
    if by.kind is not Kind.PERSON:
        return Verdict(False, "Only a person decides.", "not-a-person")
    if by.id == row.requested_by:
        return Verdict(
            False,
            "You asked for this release, so somebody else decides.",
            "requester",
            _who_else(panels),
        )
    if by.id in built_by:
        return Verdict(
            False,
            "You built this version, so somebody else decides.",
            "author",
            _who_else(panels),
        )
    verdicts = [decide(by, PANELS[panel], resource(model)) for panel in panels]
    return next((one for one in verdicts if one), verdicts[0])


def _who_else(panels: Iterable[str]) -> str:
    return f"Somebody else of the role {' or '.join(panels)} finds it in their inbox."


def may_tell_apart(policy: Policy, route: str, known: Collection[str]) -> Verdict:
    """Whether an approver can be told from who built the version: `known` are its known authors.

    Where nobody is known, only a policy that says so in words lets it be approved.
    """
    if known or (policy.unknown_author == "accept" and route != Route.EMERGENCY):
        return Verdict(True, "Who approves is told apart from who built it.")
    return Verdict(
        False,
        "Nobody is known to have built this version, so nobody can be told apart.",
        "author-unknown",
        "Its author claims it on the Model page; then it can be approved.",
    )


def may_withdraw(by: Actor, row: RequestRow) -> Verdict:
    """Only the person who asked takes a request back, while it is open."""
    if State(row.state) not in OPEN:
        return Verdict(False, f"{stands(State(row.state))}.", "wrong-state")
    if by.id != row.requested_by:
        return Verdict(False, "Only the person who asked can withdraw.", "not-requester")
    return Verdict(True, "You asked for it.")


def may_resubmit(by: Actor, row: RequestRow) -> Verdict:
    """Only the person who asked sends a request again, after changes were asked for."""
    if State(row.state) is not State.CHANGES_REQUESTED:
        return Verdict(False, "No changes were asked for.", "wrong-state")
    if by.id != row.requested_by:
        return Verdict(False, "Only the person who asked can send it again.", "not-requester")
    return Verdict(True, "You asked for it.")


def insist_in_time(verdict: Verdict, row: RequestRow, verb: Verb) -> None:
    """Go on only if allowed. Raises Conflict for who comes too late or too early, else Refused."""
    if verdict.code == "wrong-state":
        after(State(row.state), verb)
    verdict.insist()


def checked_alias(alias: str) -> str:
    """An alias MLflow will take. Raises Invalid."""
    alias = alias.strip()
    if not _ALIAS.fullmatch(alias) or _RESERVED.fullmatch(alias):
        raise Invalid(
            f"{alias[:64]!r} cannot be an alias.",
            hint="Use small letters, digits, - and _, starting with a letter; "
            "latest and v1, v2 … are taken by MLflow.",
            code="bad-alias",
        )
    return alias


def checked_reason(reason: str) -> str:
    """A reason with something in it. Raises Invalid."""
    return statement(
        reason,
        "reason",
        longest=LONGEST_REASON,
        hint="Say in a sentence why; it is kept in the audit trail.",
        shorter="Attach longer papers to the run in MLflow.",
    )


def may_revoke(by: Actor, row: RequestRow, model: ModelRow) -> Verdict:
    """Who takes an approval back: any reviewer, also who asked or built, as it is the safe way."""
    if State(row.state) not in STANDING:
        return Verdict(False, f"{stands(State(row.state))}.", "wrong-state")
    if by.kind is Kind.APPLICATION:
        return Verdict(False, "Only a person revokes.", "not-a-person")
    return decide(by, "release:revoke", resource(model))


def gates_verdict(
    results: tuple[gates.GateResult, ...],
    route: str = Route.RELEASE,
    waiting: frozenset[str] = frozenset(),
) -> Verdict:
    """Whether the gates let an approval through, naming those that do not.

    In an emergency they are read and kept, and stand in nobody's way. `waiting` are those that may
    pass later, where the approval has conditions.
    """
    results = tuple(one for one in results if one.id not in waiting) or results
    if route == Route.EMERGENCY:
        return Verdict(True, "An emergency: the gates are on record and do not hold it up.")
    if gates.all_pass(results):
        return Verdict(True, "Every gate passes.")
    failing = [f"{r.title.lower()} fails" for r in results if r.answer is gates.Answer.FAIL]
    missing = [f"{r.title.lower()} is missing" for r in results if r.answer is gates.Answer.MISSING]
    *first, last = [*failing, *missing] or ["there is none"]
    told = f"{', '.join(first)} and {last}" if first else last
    return Verdict(
        False,
        f"Approve opens when every gate passes: {told}.",
        "gate-not-passed",
        "Request changes, or reject.",
    )
