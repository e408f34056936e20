"""A notice in words: what happened, why this person hears of it, and where it leads.

Words are found when they are needed, on the screen or in a letter, so that a name that changed
reads as it is now, and a model that this person may no longer see is not named.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from sqlmodel import col, select

from app.portal import Portal
from app.ui import words
from auth.access import decide
from auth.actors import Actor
from catalog.notifications.kinds import How, Kind, Why, needs
from catalog.notifications.notices import Notice
from catalog.registry.named import Named, named
from catalog.registry.search.tables import SavedSearchRow
from catalog.releases.states import Route
from catalog.releases.tables import FindingRow

KINDS: Final[Mapping[Kind, str]] = {
    Kind.ALIAS: "An alias moved",
    Kind.VERSION: "A new version",
    Kind.GONE: "Something was deleted",
    Kind.ARTIFACT: "Files of a version changed",
    Kind.RELEASE: "A release was decided",
    Kind.DEPRECATED: "A version was deprecated",
    Kind.CARD: "A model card was published",
    Kind.MENTION: "I was mentioned",
    Kind.ACCESS: "Access was asked for, or answered",
    Kind.SEARCH: "A saved search has a new match",
    Kind.FINDING: "Something was found that has to be put right",
    Kind.DUE: "A finding of mine is soon overdue",
    Kind.REVIEW: "A release waits for me to decide",
    Kind.EMERGENCY: "An emergency release was asked for, decided, or went live",
}
HOWS: Final[Mapping[How, str]] = {
    How.AT_ONCE: "At once, and here",
    How.DIGEST: "Once a day, and here",
    How.PORTAL: "Only here",
    How.OFF: "Not at all",
}
WHYS: Final[Mapping[Why, str]] = {
    Why.ASKER: "you asked for it",
    Why.OWNER: "you own the model",
    Why.MODEL: "you watch the model",
    Why.ALIAS: "you watch the alias",
    Why.DOMAIN: "you watch the domain",
    Why.CONSUMER: "an application you registered relies on it",
    Why.MENTIONED: "you were mentioned",
    Why.SEARCH: "you asked to be told of new matches",
    Why.RESPONSIBLE: "it is yours to put right",
    Why.UNOWNED: "nobody owns it, and you can give it to somebody",
    Why.REVIEWER: "you can decide it",
    Why.AGREED: "you agreed to it as it was",
    Why.TEAM: "your team has a channel for it",
    Why.GOVERNANCE: "you administer or audit governance",
}
_OUTCOMES: Final = {
    "release:approved": "was approved",
    "release:rejected": "was rejected",
    "release:revoked": "was revoked: it is approved no longer",
    "release:requested": "is asked for in an emergency",
    "release:sent-back": "changed since you agreed to it, so your agreement counts no more",
    "release:remind": "has waited for half of the time it has",
    "release:changes-requested": "was sent back for changes",
    "release:expired": "was closed by itself, without a decision",
    "promotion:fail": "was approved, but the alias was not moved",
}
_EMERGENCIES: Final = {
    "release:requested": "One person can approve it alone, and gates do not hold it up.",
    "release:approved": "One person approved it alone. Somebody who had no part in it reviews it, "
    "or the approval lapses.",
}
_ANSWERS: Final = {
    "access:ask": "somebody asks to read it.",
    "access:accept": "you may read it now.",
    "access:refuse": "your request to read it was refused.",
}
_FOUND: Final = select(FindingRow.id, FindingRow.number, FindingRow.title, FindingRow.severity)
_SAVED: Final = select(SavedSearchRow.id, SavedSearchRow.name)
_HIDDEN: Final = "Something changed on a model that you may no longer see."


@dataclass(frozen=True)
class Told:
    """A notice in words; `model`, `request` or `finding` is where it leads, if anywhere.

    `place` says where on the Model page what it tells of stands: a tab and a version.
    """

    notice: Notice
    title: str
    detail: str = ""
    model: Named | None = None
    request: str = ""
    finding: str = ""
    place: Mapping[str, str] = field(default_factory=dict)

    @property
    def because(self) -> str:
        """Why this person hears of it."""
        return f"You are told because {WHYS[self.notice.why]}."


@dataclass(frozen=True)
class _Names:
    models: Mapping[str, Named]
    people: Mapping[str, str] = field(default_factory=dict)
    searches: Mapping[str, str] = field(default_factory=dict)
    findings: Mapping[str, tuple[str, str, str]] = field(default_factory=dict)

    def person(self, person_id: str) -> str:
        return self.people.get(person_id, "somebody unknown")


def told(portal: Portal, notices: Sequence[Notice], *, by: Actor) -> list[Told]:
    """Notices in words, for this person at this moment: two questions for all of them."""
    searches = {one.facts["search"] for one in notices if one.kind is Kind.SEARCH}
    finding_ids = {one.facts["finding"] for one in notices if "finding" in one.facts}
    with portal.store.read() as session:
        models = named(session, {one.model_id for one in notices}, by=by, may="model:find")
        kept = session.exec(_SAVED.where(col(SavedSearchRow.id).in_(searches))) if searches else ()
        sought = {search: name for search, name in kept}  # noqa: C416 - rows are no pairs to dict()
        of_them = _FOUND.where(col(FindingRow.id).in_(finding_ids))
        rows = session.exec(of_them).all() if finding_ids else ()
        found = {row[0]: (row[1], row[2], row[3]) for row in rows}
    people = {one.facts.get(key, "") for one in notices for key in ("approver", "person")} - {""}
    names = _Names(models, portal.people.names(people) if people else {}, sought, found)
    return [_told(one, names, by=by) for one in notices]


def _told(notice: Notice, names: _Names, *, by: Actor) -> Told:
    model = names.models.get(notice.model_id)
    if model is None or not decide(by, needs(notice.kind), model.resource):
        return Told(notice, _HIDDEN)
    return _SAID[notice.kind](notice, model, names)


def _version(notice: Notice, model: Named, _names: _Names) -> Told:
    return Told(notice, f"{model.name}: v{notice.facts['version']} was registered.", "", model)


def _artifact(notice: Notice, model: Named, _names: _Names) -> Told:
    title = f"{model.name}: the files of v{notice.facts['version']} are not what they were."
    detail = "A version should never change: what was approved is not what is there now."
    return Told(notice, title, detail, model)


def _gone(notice: Notice, model: Named, _names: _Names) -> Told:
    number = notice.facts.get("version")
    what = f"{model.name}: v{number}" if number else model.name
    return Told(notice, f"{what} was deleted in MLflow.", "", model)


def _deprecated(notice: Notice, model: Named, _names: _Names) -> Told:
    ends, number = words.day(date.fromisoformat(notice.facts["ends_on"])), notice.facts["version"]
    title = f"{model.name}: v{number} is deprecated and ends on {ends}."
    where = {"tab": "Versions", "version": number}
    return Told(notice, title, "Why, and what comes instead, is said there.", model, place=where)


def _mention(notice: Notice, model: Named, names: _Names) -> Told:
    title = f"{model.name}: you were mentioned in the discussion."
    return Told(notice, title, f"By {names.person(notice.facts['person'])}.", model)


def _access(notice: Notice, model: Named, names: _Names) -> Told:
    title = f"{model.name}: {_ANSWERS[notice.facts['outcome']]}"
    asked = notice.facts["outcome"] == "access:ask"
    where = " The request is in your inbox." if asked else ""
    return Told(notice, title, f"By {names.person(notice.facts['person'])}.{where}", model)


def _matched(notice: Notice, model: Named, names: _Names) -> Told:
    search = names.searches.get(notice.facts["search"])
    detail = f"The search is called {search}." if search else "You do not keep the search any more."
    return Told(notice, f"{model.name} matches a search of yours now.", detail, model)


def _card(notice: Notice, model: Named, names: _Names) -> Told:
    title = f"{model.name}: revision {notice.facts['revision']} of its card is published."
    return Told(notice, title, f"By {names.person(notice.facts['person'])}.", model)


def _alias(notice: Notice, model: Named, names: _Names) -> Told:
    alias, before, after = (notice.facts[key] for key in ("alias", "before", "after"))
    was = f"it was v{before}" if before else "nothing was before"
    request = notice.facts.get("request", "")
    loud = "Emergency: " if notice.kind is Kind.EMERGENCY else ""
    now = f"v{after} is {alias} now" if after else f"nothing is {alias} now"
    return Told(notice, f"{loud}{model.name}: {now}, {was}.", _how(notice, names), model, request)


def _how(notice: Notice, names: _Names) -> str:
    """On whose approval an alias was moved or taken away, and by which way."""
    if not notice.facts.get("request"):
        moved = "Moved" if notice.facts["after"] else "Taken away"
        return f"{moved} outside Countersign: nobody here approved it."
    approver = notice.facts["approver"]
    who = names.person(approver)
    match notice.facts.get("route"):
        case Route.EMERGENCY:
            return f"Approved by {who} alone, in an emergency. Its review is due."
        case Route.ROLLBACK if approver.startswith("system:"):
            return "Set back by Countersign by itself, as its policy says."
        case Route.ROLLBACK:
            return f"Rolled back by {who}, to what was approved before."
        case Route.RETIREMENT:
            return f"Retired, approved by {who}."
        case _:
            return f"Approved by {who}."


def _release(notice: Notice, model: Named, names: _Names) -> Told:
    facts = notice.facts
    # Notices of before there were retirements name no route.
    towards = "no longer" if facts.get("route") == Route.RETIREMENT else "to"
    move = f"{model.name} v{facts['version']} {towards} @{facts['alias']}"
    who = f"By {names.person(facts['person'])}." if "person" in facts else ""
    outcome = _OUTCOMES[facts["outcome"]]
    if facts.get("route") == Route.ROLLBACK and facts["outcome"] == "release:approved":
        outcome = "goes back to what was approved before"
    title = f"{facts['number']}, {move}, {outcome}."
    if notice.kind is Kind.EMERGENCY:
        title = f"Emergency: {title}"
        who = f"{who} {_EMERGENCIES.get(facts['outcome'], '')}".strip()
    return Told(notice, title, who, model, facts["request"])


def _finding(notice: Notice, model: Named, names: _Names) -> Told:
    number, title, severity = names.findings[notice.facts["finding"]]
    due = words.day(date.fromisoformat(notice.facts["due_on"]))
    soon = "It is soon overdue. " if notice.kind is Kind.DUE else ""
    detail = f"{soon}{number}, {severity}, to be put right by {due}."
    end = "" if title.endswith((".", "?", "!")) else "."
    return Told(notice, f"{model.name}: {title}{end}", detail, model, finding=number)


_SAID: Final[Mapping[Kind, Callable[[Notice, Named, _Names], Told]]] = {
    Kind.ALIAS: _alias,
    Kind.VERSION: _version,
    Kind.GONE: _gone,
    Kind.ARTIFACT: _artifact,
    Kind.RELEASE: _release,
    Kind.DEPRECATED: _deprecated,
    Kind.CARD: _card,
    Kind.MENTION: _mention,
    Kind.ACCESS: _access,
    Kind.SEARCH: _matched,
    Kind.FINDING: _finding,
    Kind.DUE: _finding,
    Kind.REVIEW: _release,
    Kind.EMERGENCY: lambda notice, model, names: (_alias if "after" in notice.facts else _release)(
        notice, model, names
    ),
}
