"""What a release request asks: the move, its key numbers, who is affected, and what was said."""

from __future__ import annotations

from datetime import date, datetime
from typing import Final

from app.panels.compared_numbers import figure
from app.panels.release_dossier import Dossier
from app.panels.release_routes import state as state_chips
from app.ui import chips, page, tables, words
from app.ui.markup import Markup, join, quote, sentence, show, strong, tag, text
from catalog.impact.portfolio import Line
from catalog.lineage.measured import Measured
from catalog.releases.requests.request import Decision
from catalog.releases.requests.steps import digests
from catalog.releases.states import Route, Verb

_MOST_NUMBERS: Final = 4
_ARROW: Final = " \N{RIGHTWARDS ARROW} "


def asked(dossier: Dossier, number: int) -> None:
    """The move that is asked for, and beside it everything its requester and reviewers said."""
    request = dossier.request
    waited = words.ago(request.requested_at, dossier.now)
    state = state_chips(request.route, request.requested_by, request.state)
    stands = join((state, tag("span", f"asked {waited}"), *decided_by(dossier)))
    empty = "where nothing is live yet" if request.is_open else "where nothing was live then"
    instead = f"in place of v{request.replaces}" if request.replaces else empty
    version = strong(f"v{request.version_number}")
    facts: list[tuple[str, object]] = []
    if request.route is Route.RETIREMENT:
        move = sentence(version, "is no longer", chips.alias(request.alias), "and nothing else is")
        facts += _farewell(dossier)
    else:
        move = sentence(version, "becomes", chips.alias(request.alias), instead)
        facts += _key_numbers(dossier)
    facts.append(("Who is affected", affected_words(dossier.affected)))
    show(
        page.section("The decision asked", stands, number=number, anchor="asked"),
        page.columns(
            join((move, tables.facts(facts))),
            join(quote(what, by) for what, by in statements(dossier)),
        ),
    )


def decided_by(dossier: Dossier) -> list[Markup]:
    """Until which day it is to be decided, and that this day is over; nothing where none is set."""
    day = dossier.sheet.decide_by
    if day is None:
        return []
    today = dossier.now.date()
    if day < today:
        return [chips.due(day, today), tag("span", f"it was to be decided by {words.day(day)}")]
    return [tag("span", f"to be decided by {words.day(day)}")]


def statements(dossier: Dossier) -> list[tuple[str, str]]:
    """Why it was asked for, what changes were asked for, and what was said on sending it again.

    Each with who said it, and when.
    """
    request = dossier.request

    def by(person_id: str, did: str, at: datetime) -> str:
        return f"{dossier.name(person_id)} {did}, {words.moment(at)}"

    told = [(request.reason, by(request.requested_by, "asked for it", request.requested_at))]
    asked_for: Decision | None = None
    said = [one for one in request.decisions if one.verb is Verb.REQUEST_CHANGES]
    said += [one for one in request.rounds if one.verb is Verb.RESUBMIT]
    for one in sorted(said, key=lambda one: (one.at, one.verb is Verb.RESUBMIT)):
        if one.verb is Verb.REQUEST_CHANGES:
            asked_for = one
            told.append((one.reason, by(one.person_id, "asked for changes", one.at)))
            continue
        same = asked_for is not None and digests(asked_for) == digests(one)
        did = "sent it again, with nothing changed since" if same else "sent it again"
        told.append((one.reason, by(one.person_id, did, one.at)))
    return told


def _farewell(dossier: Dossier) -> list[tuple[str, object]]:
    """Who relies on what is to be taken away, and what they were told to do."""
    leaving = dossier.sheet.snapshot.leaving
    if leaving is None:
        return []
    relied_on = words.listing(list(leaving.relied_on)) if leaving.relied_on else "Nobody registered"
    day = words.day(date.fromisoformat(leaving.ends_on)) if leaving.ends_on else ""
    return [
        ("Relied on by", relied_on),
        ("Must not be used from", day or "Not said: it is not deprecated"),
        ("Successor", dossier.successor or "None was named"),
    ]


def affected_words(line: Line | None) -> str:
    """How many applications call the model, and how often."""
    if line is None or not line.calls:
        return "No application has reported calls in the last 30 days"
    applications = words.plural(len(line.applications), "application")
    return f"{applications}, {words.thousands(line.calls / 30)} calls a day (last 30 days)"


def _key_numbers(dossier: Dossier) -> list[tuple[str, Markup]]:
    sheet = dossier.sheet
    rules = sheet.policy.metrics.get(sheet.snapshot.task, [])
    labels = {name: rule.label for rule in rules for name in rule.names}

    def title(name: str) -> str:
        return labels.get(name) or words.metric(name)

    if dossier.difference is None:
        mine = dossier.version.metrics if dossier.version else ()
        return [
            (title(one.name), text(f"{figure(one.value)} on {one.dataset}"))
            for one in mine
            if one.dataset_digest
        ][:_MOST_NUMBERS]
    waits = bool(dossier.unread)
    return [(title(one.number.name), before_after(one, waits=waits)) for one in dossier.judged]


def before_after(one: Measured, *, waits: bool = False) -> Markup:
    """How far a number moved, and better or worse only where that is no noise.

    `waits` while the rows are still read by which it can be judged.
    """
    number = one.number
    reads = "not judged yet" if waits and one.reads == "not judged" else one.reads
    tone = {"better": "cs-t-pass", "worse": "cs-t-fail"}.get(one.reads, "cs-quiet")
    return join(
        (
            f"{figure(number.before)}{_ARROW}",
            strong(figure(number.after)),
            " ",
            tag("span", reads, cls=tone, title=one.basis),
            tag("span", f" on {number.dataset}", cls="cs-quiet"),
        )
    )
