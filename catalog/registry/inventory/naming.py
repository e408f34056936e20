"""Naming rules: written as templates, tried on the whole inventory, enforced on requests."""

from __future__ import annotations

import csv
import heapq
import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Executable, Row, String, bindparam, or_
from sqlalchemy import select as columns
from sqlmodel import Session, col, func, select

from auth.access import ANYTHING, Verdict, decide
from auth.actors import Actor
from catalog.registry.inventory.classified import checked_domain
from catalog.registry.inventory.spreadsheet import neutral
from catalog.registry.inventory.template import Breach, matcher, needs_domain, parse
from catalog.registry.tables import ModelRow, NamingRuleRow
from ledger.acts import Ledger
from ledger.errors import Conflict, Invalid, NotFound
from ledger.ids import new_id

LONGEST_MESSAGE: Final = 300
_AT_ONCE: Final = 5_000
_NO_TEXT: Final = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


@dataclass(frozen=True)
class Written:
    """A rule as somebody writes it. The domain is empty for all models without a rule of theirs."""

    domain: str
    template: str
    message: str
    example: str

    def checked(self) -> Written:
        """The same, once it can be followed. Raises Invalid."""
        domain = checked_domain(self.domain) if self.domain.strip() else ""
        template, example = self.template.strip(), self.example.strip()
        message = " ".join(self.message.split())
        parse(template)
        if not 1 <= len(message) <= LONGEST_MESSAGE or _NO_TEXT.search(message):
            raise Invalid(
                f"The message has 1 to {LONGEST_MESSAGE} characters.",
                hint="Say how a name is built; it is what people read when theirs is refused.",
                code="bad-message",
            )
        breach = matcher(template, domain or None).breach(example)
        if breach is not None:
            raise Invalid(
                f"The example {example[:80]!r} breaks the rule itself: {said(breach, example)}",
                hint="Give a name that follows the template.",
                code="bad-example",
            )
        return Written(domain, template, message, example)


@dataclass(frozen=True)
class Rule:
    """A rule that is or was in force."""

    id: str
    domain: str
    version: int
    template: str
    message: str
    example: str
    published_by: str
    published_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, order=True)
class Broken:
    """A model whose name breaks a rule, and why."""

    name: str
    server: str
    workspace: str
    domain: str
    why: str


@dataclass(frozen=True)
class Trial:
    """What a rule would do to the present inventory: the first models that break it, by name."""

    checked: int
    broken: int
    first: tuple[Broken, ...]


class Naming:
    """The desk of naming rules."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    # -- looking -------------------------------------------------------------------------------

    def in_force(self) -> list[Rule]:
        """The rules in force, the general one first. Everybody who names a model reads them."""
        return self._rules(col(NamingRuleRow.ended_at).is_(None))

    def ended(self) -> list[Rule]:
        """The rules that are not in force any more."""
        return self._rules(col(NamingRuleRow.ended_at).is_not(None))

    def _rules(self, condition: Any) -> list[Rule]:  # noqa: ANN401 - a condition of SQLAlchemy
        query = select(NamingRuleRow).where(condition)
        query = query.order_by(NamingRuleRow.domain, col(NamingRuleRow.version).desc())
        with self._ledger.store.read() as session:
            return [_rule(row) for row in session.exec(query)]

    def trial(
        self,
        template: str,
        domain: str = "",
        *,
        by: Actor,
        limit: int = 50,
        progress: Callable[[int], None] = lambda _checked: None,
    ) -> Trial:
        """Try a template on every model it would govern; changes nothing.

        `progress` is told after each few thousand how many models were looked at.

        Raises:
            Invalid: the template cannot be read.
        """
        parse(template.strip())
        counts = {"checked": 0, "broken": 0}
        found = self._broken(template.strip(), domain.strip(), by, counts, progress)
        first = tuple(heapq.nsmallest(limit, found))
        return Trial(counts["checked"], counts["broken"], first)

    def broken_csv(self, template: str, domain: str = "", *, by: Actor) -> bytes:
        """All models that would break a template, as a table for a spreadsheet."""
        parse(template.strip())
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\r\n")
        writer.writerow(("name", "server", "workspace", "domain", "why"))
        found = self._broken(template.strip(), domain.strip(), by, {}, lambda _checked: None)
        for one in sorted(found):
            cells = (one.name, one.server, one.workspace, one.domain, one.why)
            writer.writerow([neutral(cell) for cell in cells])
        return out.getvalue().encode("utf-8-sig")

    def _broken(
        self,
        template: str,
        domain: str,
        by: Actor,
        counts: dict[str, int],
        progress: Callable[[int], None],
    ) -> Iterator[Broken]:
        decide(by, "settings:read", ANYTHING).insist()
        ruled = frozenset(rule.domain for rule in self.in_force()) if not domain else frozenset()
        by_domain = needs_domain(template)
        after, checked, broken = "", 0, 0
        while True:
            with self._ledger.store.read() as session:
                asked = {"after": after, "domain": domain}
                statement = _NAMES_OF_DOMAIN if domain else _NAMES
                rows = session.connection().execute(statement, asked).all()
            for row in rows:
                if row.domain and row.domain in ruled:
                    continue
                checked += 1
                breach = matcher(template, row.domain if by_domain else "").breach(row.name)
                if breach is not None:
                    broken += 1
                    yield _broken(row, breach)
            counts |= {"checked": checked, "broken": broken}
            progress(checked)
            if len(rows) < _AT_ONCE:
                return
            after = rows[-1].id

    # -- verbs ---------------------------------------------------------------------------------

    def publish(self, written: Written, *, by: Actor) -> Rule:
        """Put a rule into force; the one before it for the same models ends."""
        written = written.checked()
        with self._ledger.act("naming:publish", actor=by.id, resource="naming-rule:*") as act:
            decide(by, "naming:publish", ANYTHING).insist()
            before = act.session.exec(_in_force(written.domain).with_for_update()).first()
            if before is not None:
                if before.template == written.template and before.message == written.message:
                    raise Conflict(
                        "This rule is in force already.",
                        hint="Change it, or leave it.",
                        code="there-already",
                    )
                before.ended_at = act.at
                act.session.add(before)
                act.session.flush()
                act.facts["replaces"] = before.id
            newest = select(func.max(NamingRuleRow.version)).where(
                NamingRuleRow.domain == written.domain
            )
            row = NamingRuleRow(
                id=new_id("nam"),
                domain=written.domain,
                version=(act.session.exec(newest).one() or 0) + 1,
                template=written.template,
                message=written.message,
                example=written.example,
                published_by=by.id,
                published_at=act.at,
            )
            act.session.add(row)
            act.session.flush()
            act.resource = f"naming-rule:{row.id}"
            act.facts["version"] = str(row.version)
            act.texts |= {
                "domain": row.domain,
                "template": row.template,
                "message": row.message,
                "example": row.example,
            }
            act.emit("naming:publish", row.id)
            return _rule(row)

    def end(self, rule_id: str, *, by: Actor) -> None:
        """Let a rule end without another in its place."""
        with self._ledger.act("naming:end", actor=by.id, resource=f"naming-rule:{rule_id}") as act:
            decide(by, "naming:publish", ANYTHING).insist()
            row = act.session.get(NamingRuleRow, rule_id, with_for_update=True)
            if row is None:
                raise NotFound("There is no such rule.", hint="They are listed under Settings.")
            if row.ended_at is not None:
                raise Conflict(
                    "This rule has ended already.", hint="Reload the page.", code="wrong-state"
                )
            row.ended_at = act.at
            act.session.add(row)
            act.emit("naming:end", row.id)


def rule_for(session: Session, domain: str) -> Rule | None:
    """The rule in force for a domain: its own, or else the one for everything."""
    row = session.exec(_IN_FORCE, params={"domain": domain}).first()
    return _rule(row) if row else None


def follows(rule: Rule | None, name: str, domain: str) -> Verdict:
    """Whether a model may be asked for under its name."""
    if rule is None:
        return Verdict(True, "No naming rule is in force for it.")
    breach = matcher(rule.template, domain).breach(name)
    if breach is None:
        return Verdict(True, f"The name follows the naming rule, version {rule.version}.")
    return Verdict(
        False,
        f"The name {name[:120]!r} breaks the naming rule. {rule.message}",
        "name-breaks-rule",
        f"{said(breach, name)} A name that follows it: {rule.example}. Rename the model in MLflow.",
    )


def said(breach: Breach, name: str) -> str:
    """Where a name stops following a template, in a sentence."""
    if breach.at >= len(name):
        return f"It ends where {breach.expected} is expected."
    return f"Its character {breach.at + 1} is {name[breach.at]!r}, expected is {breach.expected}."


def _broken(row: Row[Any], breach: Breach) -> Broken:
    return Broken(row.name, row.server, row.workspace, row.domain, said(breach, row.name))


def _in_force(domain: str) -> Any:  # noqa: ANN401 - a statement of SQLModel
    return select(NamingRuleRow).where(
        NamingRuleRow.domain == domain, col(NamingRuleRow.ended_at).is_(None)
    )


def _rule(row: NamingRuleRow) -> Rule:
    return Rule(
        row.id,
        row.domain,
        row.version,
        row.template,
        row.message,
        row.example,
        row.published_by,
        row.published_at,
        row.ended_at,
    )


_PAGE: Final = (
    columns(
        col(ModelRow.id),
        col(ModelRow.name),
        col(ModelRow.domain),
        col(ModelRow.server),
        col(ModelRow.workspace),
    )
    .where(col(ModelRow.gone_at).is_(None), col(ModelRow.id) > bindparam("after"))
    .order_by(col(ModelRow.id))
    .limit(_AT_ONCE)
)
_NAMES: Final[Executable] = _PAGE
_NAMES_OF_DOMAIN: Final[Executable] = _PAGE.where(col(ModelRow.domain) == bindparam("domain"))


# Asked on every click on a request: built once.
_IN_FORCE: Final = (
    select(NamingRuleRow)
    .where(
        col(NamingRuleRow.ended_at).is_(None),
        or_(
            col(NamingRuleRow.domain) == "",
            col(NamingRuleRow.domain) == bindparam("domain", type_=String()),
        ),
    )
    .order_by(col(NamingRuleRow.domain).desc())
)
