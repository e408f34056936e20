"""The policies that were ever published, those in force, and which of them governs a release."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import or_
from sqlalchemy import select as columns
from sqlmodel import Session, col, func, select

from auth.access import ANYTHING, Verdict, decide
from auth.actors import Actor
from catalog.registry.measures import Measure
from catalog.registry.tables import ModelRow
from catalog.releases.policies.digests import canonical
from catalog.releases.policies.law import Classified, Policy, Published, governing
from catalog.releases.policies.reading import PACKS, from_body, pack_text, read, read_pack
from catalog.releases.tables import PolicyRow
from ledger.acts import Act, Ledger
from ledger.errors import Conflict, NotFound, Refused
from ledger.statements import statement

BASELINE: Final = "baseline"
LONGEST_REASON: Final = 4000


@dataclass(frozen=True)
class Edition:
    """A published version: who published it and when, and since when it is not in force any more.

    `text` is the YAML as it was written. Nobody published the shipped baseline, which stands here
    only when somebody ended it.
    """

    policy: Policy
    digest: str
    text: str
    published_by: str
    published_at: datetime
    ended_at: datetime | None
    ended_by: str


class Policies:
    """The desk of policies."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._baseline = replace(read_pack(PACKS / f"{BASELINE}.yaml"), is_last_resort=True)
        self.rollback = read_pack(PACKS.parent / "rollback.yaml")
        self.retirement = read_pack(PACKS.parent / "retirement.yaml")
        self._shipped = (
            (self._baseline, pack_text(BASELINE)),
            (self.rollback, (PACKS.parent / "rollback.yaml").read_text("utf-8")),
            (self.retirement, (PACKS.parent / "retirement.yaml").read_text("utf-8")),
        )
        self._read: dict[str, Policy] = {}  # by digest: what is published never changes

    # -- looking: the law is read by everybody who is asked to keep it -----------------------------

    def in_force(self, session: Session | None = None) -> tuple[Published, ...]:
        """The policies in force, by rank.

        The shipped baseline is the last of them, until a baseline was published or it was ended.
        """
        if session is None:
            with self._ledger.store.read() as opened:
                return self.in_force(opened)
        rows = session.connection().execute(_IN_FORCE).all()
        found = [_published(row.digest, row.body) for row in rows]
        if session.connection().execute(_BASELINE_WAS_TOUCHED).first() is None:
            found.append(self._baseline)
        return tuple(sorted(found, key=lambda one: one.rank))

    def with_draft(self, draft: Policy, session: Session | None = None) -> tuple[Published, ...]:
        """The policies that would be in force if a draft were published now, by rank."""
        others = [one for one in self.in_force(session) if one.policy.name != draft.name]
        return tuple(sorted([*others, Published(draft, draft.digest)], key=lambda one: one.rank))

    def governing(self, session: Session, model: ModelRow, alias: str) -> Published:
        """The policy that a release of this model to this alias is judged by.

        Raises:
            Refused: none covers it, so nothing of it may be released.
        """
        found = governing(self.in_force(session), classified(model, alias))
        if found is None:
            raise Refused(
                f"No policy covers a release of {model.name} to {alias}, so none is allowed.",
                hint="A governance admin publishes one on Policies, or classifies the model.",
                code="no-policy",
            )
        return found

    def measures(self) -> dict[str, Measure]:
        """What decides for each task: of several policies, the first by priority that says."""
        found: dict[str, Measure] = {}
        for one in reversed(self.in_force()):
            found |= one.policy.measures()
        return found

    def measuring(self, by_what: Measure) -> Policy | None:
        """The policy in force that makes this number the one that decides."""
        return next(
            (one.policy for one in self.in_force() if by_what in one.policy.measures().values()),
            None,
        )

    def by_digest(self, digest: str) -> Policy:
        """A policy as it was when something was bound to it. Raises NotFound."""
        for shipped, _text in self._shipped:
            if digest == shipped.digest:
                return shipped.policy
        known = self._read.get(digest)
        if known is None:
            with self._ledger.store.read() as session:
                row = session.get(PolicyRow, digest)
            if row is None:
                raise NotFound("This policy version is not known.", hint="Send the request again.")
            known = self._read[digest] = _published(row.digest, row.body).policy
        return known

    def written(self, session: Session, digest: str) -> str:
        """The YAML of a policy as it was written; empty where it was not kept."""
        row = session.get(PolicyRow, digest)
        if row is not None and row.written:
            return row.written
        return next((text for one, text in self._shipped if one.digest == digest), "")

    def editions(self, name: str = "") -> list[Edition]:
        """What was published or ended, newest first; of one policy where a name is given."""
        query = select(PolicyRow).where(_IS_EDITION)
        if name:
            query = query.where(PolicyRow.name == name)
        query = query.order_by(col(PolicyRow.published_at).desc(), col(PolicyRow.version).desc())
        with self._ledger.store.read() as session:
            return [_edition(row) for row in session.exec(query)]

    def may_publish(self, *, by: Actor) -> Verdict:
        """Whether the actor may publish and end policies."""
        return decide(by, "policy:publish", ANYTHING)

    # -- verbs ---------------------------------------------------------------------------------

    def publish(self, text: str, why: str, *, by: Actor) -> Published:
        """Put a policy into force; the version before it of the same name ends.

        Raises:
            NotAPolicy: the text is wrong somewhere; every problem is told with its line.
            Conflict: the version is not the next one, or another policy has this priority.
        """
        why = _checked_why(why)
        may = self.may_publish(by=by)
        # The text of somebody who may not publish is not even read.
        policy = read(text) if may else self._baseline.policy
        with self._ledger.act("policy:publish", actor=by.id, resource="policy:*") as act:
            may.insist()
            act.resource = f"policy:{policy.name}"
            published = Published(policy, policy.digest)
            act.facts["version"] = str(policy.version)
            act.digests["policy"] = published.digest
            act.texts["reason"] = why
            _insist_next(act.session, policy)
            self._insist_own_priority(act.session, policy)
            for row in act.session.exec(_of_name(policy.name)):
                _end(act, row, by)
            row = act.session.get(PolicyRow, published.digest)
            if row is None:
                row = self.keep(act.session, published)
            row.written, row.published_by, row.published_at = text, by.id, act.at
            row.is_in_force, row.ended_at, row.ended_by = True, None, ""
            act.session.add(row)
            act.emit("policy:published", policy.name, digest=published.digest)
        return published

    def end(self, name: str, why: str, *, by: Actor) -> None:
        """Take a policy out of force; nothing it alone governs may be released any more.

        So can the shipped baseline be ended, until a baseline is published.

        Raises NotFound when none of this name is in force.
        """
        why = _checked_why(why)
        with self._ledger.act("policy:end", actor=by.id, resource="policy:*") as act:
            self.may_publish(by=by).insist()
            rows = list(act.session.exec(_of_name(name)))
            if not rows and name == BASELINE and self._baseline in self.in_force(act.session):
                rows = [self.keep(act.session, self._baseline)]
                rows[0].written = pack_text(BASELINE)
            if not rows:
                raise NotFound(
                    f"No policy called {name[:60]!r} is in force.",
                    hint="Those in force stand on Policies.",
                )
            act.resource = f"policy:{rows[0].name}"
            act.texts["reason"] = why
            for row in rows:
                _end(act, row, by)
            act.emit("policy:ended", rows[0].name)

    def keep(self, session: Session, published: Published) -> PolicyRow:
        """Keep the body of a policy that something is bound to, once."""
        row = session.get(PolicyRow, published.digest)
        if row is None:
            row = PolicyRow(
                digest=published.digest,
                name=published.policy.name,
                version=published.policy.version,
                body=canonical(published.policy.plain),
                published_at=self._ledger.clock.now(),
            )
            session.add(row)
            session.flush()
        return row

    def _insist_own_priority(self, session: Session, policy: Policy) -> None:
        for other in self.in_force(session):
            if other.is_last_resort or other.policy.name == policy.name:
                continue
            if other.policy.priority == policy.priority:
                raise Conflict(
                    f"{other.policy.name} has the priority {policy.priority} already.",
                    hint="Give this one another; the smaller number goes first.",
                    code="same-priority",
                )


def classified(model: ModelRow, alias: str) -> Classified:
    """A release as policies classify it."""
    return Classified(
        tier=int(model.tier) if model.tier else 0,
        regulatory_class=model.regulatory_class,
        domain=model.domain,
        alias=alias,
        task=model.task,
    )


def _checked_why(why: str) -> str:
    return statement(
        why,
        "reason",
        longest=LONGEST_REASON,
        hint="Say in a sentence why; it is kept in the audit trail.",
    )


def _insist_next(session: Session, policy: Policy) -> None:
    of_it = columns(func.coalesce(func.max(PolicyRow.version), 0)).where(
        col(PolicyRow.name) == policy.name, col(PolicyRow.published_by) != ""
    )
    last = int(session.connection().execute(of_it).scalar_one())
    expected = last + 1
    # Who changes the shipped baseline goes on counting from its version.
    if policy.version == expected or (not last and policy.name == BASELINE):
        return
    raise Conflict(
        f"The next version of {policy.name} is {expected}, not {policy.version}.",
        hint=f"Write `version: {expected}`; a published version never changes.",
        code="not-the-next-version",
    )


def _of_name(name: str) -> Any:  # noqa: ANN401 - a statement of SQLModel
    return (
        select(PolicyRow)
        .where(PolicyRow.name == name, col(PolicyRow.is_in_force).is_(True))
        .with_for_update()
    )


def _end(act: Act, row: PolicyRow, by: Actor) -> None:
    row.is_in_force, row.ended_at, row.ended_by = False, act.at, by.id
    act.session.add(row)


@lru_cache(maxsize=256)
def _published(digest: str, body: str) -> Published:
    # A body is found by its digest and never changes, so neither does what it says.
    return Published(from_body(body), digest)


def _edition(row: PolicyRow) -> Edition:
    return Edition(
        _published(row.digest, row.body).policy,
        row.digest,
        row.written,
        row.published_by,
        row.published_at,
        row.ended_at,
        row.ended_by,
    )


_IS_EDITION: Final = or_(col(PolicyRow.published_by) != "", col(PolicyRow.ended_at).is_not(None))
# Asked on every click on most screens: built once.
_IN_FORCE: Final = columns(col(PolicyRow.digest), col(PolicyRow.body)).where(
    col(PolicyRow.is_in_force).is_(True)
)
_BASELINE_WAS_TOUCHED: Final = (
    columns(col(PolicyRow.digest)).where(col(PolicyRow.name) == BASELINE, _IS_EDITION).limit(1)
)
