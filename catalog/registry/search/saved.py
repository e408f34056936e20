"""Saved searches: a question somebody keeps, and is told of when another model answers it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import parse_qs

from sqlmodel import Session, col, select

from auth.access import ANYTHING, Verdict, decide, may_anywhere
from auth.actors import Actor
from catalog.registry.search.finder import Finder
from catalog.registry.search.questions import FACETS, Question, Range
from catalog.registry.search.tables import SavedMatchRow, SavedSearchRow
from ledger.acts import Act, Ledger
from ledger.errors import Conflict, Invalid, NotFound, Refused, Unauthenticated
from ledger.ids import new_id
from ledger.troubles import Troubles

LONGEST_NAME: Final = 80
LONGEST_STATE: Final = 2_000
MOST_SAVED: Final = 50
# A search that finds more than this tells nothing when it finds one more.
MOST_WATCHED: Final = 2_000
_HINT: Final = "Your saved searches are listed on Discover."
_NO_TEXT: Final = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


@dataclass(frozen=True)
class SavedSearch:
    """A kept question: `state` is what stands in Discover's address after the question mark."""

    id: str
    owner_id: str
    name: str
    state: str
    notifies: bool
    created_at: datetime

    def question(self) -> Question:
        """What it asks."""
        return question_of(self.state)


def question_of(state: str) -> Question:
    """The question an address of Discover asks. Raises Invalid."""
    given = parse_qs(state)
    chosen = {facet: frozenset(given[facet]) for facet in FACETS if given.get(facet)}
    text = given.get("q", [""])[0][:200]
    return Question(
        text,
        chosen,
        Range(given.get("metric", [""])[0], _limit(given, "least"), _limit(given, "most")),
        verbatim=bool(text) and given.get("exact", [""])[0] == text,
    )


def _limit(given: dict[str, list[str]], key: str) -> float | None:
    try:
        return float(given.get(key, [""])[0].replace(",", "."))
    except ValueError:
        return None


class SavedSearches:
    """The desk for saved searches. Everybody has only their own."""

    def __init__(self, ledger: Ledger, finder: Finder, person: Callable[[str], Actor]) -> None:
        self._ledger = ledger
        self._finder = finder
        self._person = person
        self._troubles = Troubles(__name__, ledger.clock)

    def of(self, by: Actor) -> list[SavedSearch]:
        """The actor's own, by name."""
        with self._ledger.store.read() as session:
            rows = session.exec(
                select(SavedSearchRow)
                .where(SavedSearchRow.owner_id == by.id)
                .order_by(SavedSearchRow.name)
            )
            return [_saved(row) for row in rows]

    def may_save(self, *, by: Actor) -> Verdict:
        """Whether there is anything the actor could search for."""
        if may_anywhere(by, "model:read"):
            return Verdict(True, f"{by.name} may read models.")
        return Verdict(False, "There is no model you may see.", "no-role", "Ask for a role.")

    def save(self, name: str, state: str, *, notifies: bool, by: Actor) -> SavedSearch:
        """Keep a question under a name."""
        name = _named(name)
        if len(state) > LONGEST_STATE or _NO_TEXT.search(state):
            raise Invalid(
                "This search is too long to be kept.", hint="Choose fewer values and save again."
            )
        question = question_of(state)
        with self._ledger.act("search:save", actor=by.id, resource=f"person:{by.id}") as act:
            self.may_save(by=by).insist()
            held = act.session.exec(
                select(SavedSearchRow).where(SavedSearchRow.owner_id == by.id)
            ).all()
            if len(held) >= MOST_SAVED:
                raise Refused(
                    f"You have {MOST_SAVED} saved searches.",
                    code="too-many",
                    hint="Delete one that you do not need any more.",
                )
            _insist_free(held, name)
            row = SavedSearchRow(
                id=new_id("sea"),
                owner_id=by.id,
                name=name,
                state=state,
                notifies=False,
                created_at=act.at,
            )
            act.session.add(row)
            act.session.flush()
            if notifies:
                self._listen(act.session, row, question, by)
            act.facts |= {"search": row.id, "notifies": str(notifies).lower()}
            act.texts["name"] = name
            return _saved(row)

    def rename(self, search_id: str, name: str, *, by: Actor) -> None:
        """Call a saved search otherwise."""
        name = _named(name)
        with self._ledger.act("search:rename", actor=by.id, resource=f"person:{by.id}") as act:
            row = _own(act, search_id, by)
            held = act.session.exec(
                select(SavedSearchRow).where(
                    SavedSearchRow.owner_id == by.id, SavedSearchRow.id != search_id
                )
            ).all()
            _insist_free(held, name)
            row.name = name
            act.session.add(row)
            act.facts["search"] = row.id
            act.texts["name"] = name

    def notify(self, search_id: str, *, notifies: bool, by: Actor) -> None:
        """Say whether the owner is told when another model answers."""
        with self._ledger.act("search:notify", actor=by.id, resource=f"person:{by.id}") as act:
            row = _own(act, search_id, by)
            act.facts |= {"search": row.id, "notifies": str(notifies).lower()}
            if notifies and not row.notifies:
                self._listen(act.session, row, question_of(row.state), by)
            row.notifies = notifies
            act.session.add(row)

    def delete(self, search_id: str, *, by: Actor) -> None:
        """Keep it no longer."""
        with self._ledger.act("search:delete", actor=by.id, resource=f"person:{by.id}") as act:
            row = _own(act, search_id, by)
            act.facts["search"] = row.id
            for told in _matches(act.session, row.id).values():
                act.session.delete(told)
            act.session.flush()
            act.session.delete(row)

    def _listen(self, session: Session, row: SavedSearchRow, question: Question, by: Actor) -> None:
        """From now on tell of models that do not answer yet. Raises Invalid for too wide a one."""
        if question.is_open:
            raise Invalid(
                "A search for everything cannot notify.", hint="Narrow it, then save it again."
            )
        stamp, found = self._finder.matching(question, by=by)
        if len(found) > MOST_WATCHED:
            raise Invalid(
                f"This search finds {len(found):,} models; one that notifies finds at most "
                f"{MOST_WATCHED:,}.",
                hint="Narrow it, then save it again.",
                code="too-wide",
            )
        known = _matches(session, row.id)
        session.add_all(
            SavedMatchRow(search_id=row.id, model_id=one) for one in found if one not in known
        )
        row.notifies, row.stamp = True, stamp
        session.add(row)

    def look(self, *, by: Actor) -> int:
        """Tell of every model that answers a notifying search and did not before.

        Each search is one transaction: the model is remembered where the event is written, so
        nothing is told twice or lost. Returns how many were told of.
        """
        decide(by, "mirror:write", ANYTHING).insist()
        with self._ledger.store.read() as session:
            waiting = session.exec(
                select(SavedSearchRow).where(
                    col(SavedSearchRow.notifies), SavedSearchRow.stamp < self._finder.stamp(session)
                )
            ).all()
        found = 0
        for one in waiting:
            with self._troubles.apart(one.id, f"saved search {one.id} cannot be looked at"):
                found += self._look_at(one)
        return found

    def _look_at(self, kept: SavedSearchRow) -> int:
        try:
            owner = self._person(kept.owner_id)
        except Unauthenticated:
            return 0  # somebody who was sent away is told nothing
        stamp, found = self._finder.matching(question_of(kept.state), by=owner)
        with self._ledger.store.write() as session:
            row = session.get(SavedSearchRow, kept.id, with_for_update=True)
            if row is None or not row.notifies:
                return 0
            known = _matches(session, row.id)
            new = [one for one in found if one not in known] if len(found) <= MOST_WATCHED else []
            for model_id in new:
                session.add(SavedMatchRow(search_id=row.id, model_id=model_id))
                self._ledger.journal.append(
                    session,
                    "search:matched",
                    row.id,
                    {"model": model_id, "owner": row.owner_id},
                    at=self._ledger.clock.now(),
                )
            row.stamp = stamp
            session.add(row)
            return len(new)


def _named(name: str) -> str:
    name = " ".join(name.split())
    if not 1 <= len(name) <= LONGEST_NAME or _NO_TEXT.search(name):
        raise Invalid(
            f"A saved search has a name of 1 to {LONGEST_NAME} characters.",
            hint="For example: credit models of my team.",
        )
    return name


def _insist_free(held: Sequence[SavedSearchRow], name: str) -> None:
    if any(row.name == name for row in held):
        raise Conflict(
            f"You have a saved search called {name!r} already.", hint="Give it another name."
        )


def _own(act: Act, search_id: str, by: Actor) -> SavedSearchRow:
    """One's own saved search; anybody else's does not exist. Raises NotFound."""
    row = act.session.get(SavedSearchRow, search_id)
    if row is None or row.owner_id != by.id:
        raise NotFound("There is no such saved search.", hint=_HINT)
    return row


def _matches(session: Session, search_id: str) -> dict[str, SavedMatchRow]:
    rows = session.exec(select(SavedMatchRow).where(SavedMatchRow.search_id == search_id))
    return {row.model_id: row for row in rows}


def _saved(row: SavedSearchRow) -> SavedSearch:
    return SavedSearch(row.id, row.owner_id, row.name, row.state, row.notifies, row.created_at)
