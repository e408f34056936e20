"""Home: what waits for a person, the models that are live, what changed lately; by role."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import streamlit as st

from app.panels import findings, health, inbox, release_routes, sources, ways
from app.panels.acts import ACTS
from app.panels.brief import towards, until
from app.panels.links import link
from app.session import portal
from app.ui import cards, chips, feedback, page, tables, tiles, words
from app.ui.cards import Waiting
from app.ui.markup import Markup, join, note, show
from app.ui.tables import Column
from app.ui.tiles import Tile
from auth.access import may_anywhere
from auth.access_request import AccessRequest
from auth.actors import Actor
from auth.permissions import Role
from catalog.impact.calls import WINDOW_DAYS
from catalog.impact.health import Health
from catalog.impact.portfolio import Line, Portfolio
from catalog.registry.inventory.gaps import NONE, Unclassified
from catalog.registry.mirror.state import MirrorState
from catalog.releases.decisions.briefs import Brief
from catalog.releases.decisions.docket import Desk
from catalog.releases.findings.findings import Waiting as Findings
from catalog.releases.gates.asking import Answer
from catalog.releases.states import PromotionState, Route, State
from ledger.trail import Filter, Record

_MOST_WAITING: Final = 6
_MOST_LIVE: Final = 12
_MOST_NEWS: Final = 8
_RECENT: Final = timedelta(days=30)


@dataclass(frozen=True)
class Home:
    """What one person's Home shows, read once."""

    waiting: tuple[Brief, ...]
    findings: Findings
    access: tuple[AccessRequest, ...]
    followed: tuple[Brief, ...]
    news: tuple[Brief, ...]
    undecided: int
    portfolio: Portfolio | None
    unclassified: Unclassified
    roleless: tuple[str, ...]
    acts: tuple[Record, ...]
    names: dict[str, str]
    states: tuple[MirrorState, ...]
    now: datetime


def read(*, by: Actor) -> Home:
    """Ask the desks what this person's Home shows; each is asked only for what may be seen."""
    here = portal()
    releases = may_anywhere(by, "release:read")
    desk = here.docket.desk(by=by, closed=_MOST_NEWS) if releases else Desk()
    reads = may_anywhere(by, "impact:read")
    portfolio = here.impact.portfolio(by=by, most=_MOST_LIVE) if reads else None
    acts = tuple(here.audits.listing(Filter(), by=by, limit=6)) if _audits(by) else ()
    ids = {one.requested_by for one in (*desk.waiting, *desk.followed, *desk.closed)}
    ids |= {one.decided_by for one in desk.closed} | {record.actor for record in acts}
    ids |= {line.owner_id for line in portfolio.lines[:_MOST_LIVE]} if portfolio else set()
    return Home(
        waiting=desk.waiting,
        findings=here.findings.waiting(by=by) if releases else Findings(),
        access=tuple(here.access_requests.waiting(by=by)) if by.roles else (),
        followed=desk.followed,
        news=desk.closed,
        undecided=desk.undecided,
        portfolio=portfolio,
        unclassified=here.inventory_gaps.unclassified(by=by) if _governs(by) else NONE,
        roleless=tuple(here.grants.roleless(by=by)) if _governs(by) else (),
        acts=acts,
        names=here.people.names(ids - {""}),
        states=tuple(here.models.mirrored()),
        now=here.clock.now(),
    )


def _holds(by: Actor, role: Role) -> bool:
    return any(held.role is role for held in by.roles)


def _governs(by: Actor) -> bool:
    return bool(portal().models.may_classify(by=by)) and may_anywhere(by, "person:read")


def _audits(by: Actor) -> bool:
    return _holds(by, Role.AUDITOR) and may_anywhere(by, "audit:read")


def head(shown: Home, *, by: Actor) -> None:
    """Whose Home it is, how much waits, and how old what is shown of MLflow is."""
    if not by.roles:
        said = "You hold no role yet, so there is nothing to see. A governance admin gives roles."
    else:
        since = [
            *(one.changed_at for one in shown.waiting),
            *(one.waits_since for one in shown.findings.findings),
            *(one.asked_at for one in shown.access),
        ]
        said = inbox.how_much_waits(since, shown.now, has_more=shown.findings.has_more)
    page.head(
        "Home",
        f"What waits for you, {by.name}",
        f"{said} {sources.mirrored(shown.states, shown.now)}.",
    )


def search_box() -> None:
    """The box that leads to Discover with what was typed."""
    asked = st.text_input(
        "Search models",
        type="search",
        key="home-search",
        icon=":material/search:",
        placeholder="Search models: what it does, its name, domain or owner",
        label_visibility="collapsed",
        max_chars=200,
    )
    if asked and asked.strip():
        st.switch_page(ways.to("discover"), query_params={"q": asked.strip()})


def panel(shown: Home, *, by: Actor) -> None:
    """What waits, what is live, what changed; and what only this role looks after."""
    if not by.roles:
        return
    if _holds(by, Role.BUSINESS_OWNER) and shown.portfolio is not None:
        _worth(shown, shown.portfolio)
    left, right = st.columns([0.62, 0.38], gap="medium")
    with left:
        _waiting(shown)
        _live(shown)
    with right:
        if _governs(by):
            _governance(shown)
        if shown.acts:
            _acts(shown)
        if may_anywhere(by, "release:read"):
            _news(shown)
    others = "Releases from Countersign's own record; calls as the applications reported them"
    show(sources.source(shown.states, shown.now, f"{others}, {words.moment(shown.now)}."))


def _waiting(shown: Home) -> None:
    findings.waiting(shown.findings, most=_MOST_WAITING)
    if shown.access:
        show(page.group("Access requests", len(shown.access)))
        cards.inbox_card(_access(shown), "access", ways.to("inbox"))
    if shown.waiting:
        show(page.group("Waits for you", len(shown.waiting)))
    for brief in shown.waiting[:_MOST_WAITING]:
        cards.inbox_card(
            asked(brief, shown), f"waits-{brief.id}", ways.to("release"), {"id": brief.id}
        )
    if len(shown.waiting) > _MOST_WAITING:
        link(f"All {len(shown.waiting)} in your inbox", "inbox", icon=":material/inbox:")
    if shown.followed:
        show(page.group("You asked for", len(shown.followed)))
    for brief in shown.followed[:_MOST_WAITING]:
        cards.inbox_card(
            Waiting(
                f"{brief.model_name} v{brief.version_number} {towards(brief)}",
                f"{gates_in_short(brief)} Asked {words.ago(brief.requested_at, shown.now)}.",
                brief.number,
                release_routes.state(brief.route, brief.requested_by, brief.state),
            ),
            f"asked-{brief.id}",
            ways.to("release"),
            {"id": brief.id},
        )


def _access(shown: Home) -> Waiting:
    first = shown.access[0]
    return Waiting(
        f"Answer {words.plural(len(shown.access), 'access request')}",
        f"{first.name} has waited {words.span((shown.now - first.asked_at).total_seconds())}.",
        icon=":material/key:",
    )


def asked(brief: Brief, shown: Home) -> Waiting:
    """The act that is asked of a person, in the words of a button."""
    name = f"{brief.model_name} v{brief.version_number}"
    if brief.state is State.CHANGES_REQUESTED:
        act = f"Answer what was asked of {name}"
    else:
        act = f"Decide: {name} {towards(brief)}"
    who = shown.names.get(brief.requested_by, "Somebody")
    return Waiting(
        act,
        gates_in_short(brief),
        f"{brief.number} · asked by {who} {words.ago(brief.requested_at, shown.now)}",
        _chips(brief, shown),
    )


def _chips(brief: Brief, shown: Home) -> Markup:
    stands = release_routes.state(brief.route, brief.requested_by, brief.state)
    return join((stands, *until(brief, shown.now)), " ")


def gates_in_short(brief: Brief) -> str:
    """What the gates say in one sentence."""
    failing, missing = brief.answering(Answer.FAIL), brief.answering(Answer.MISSING)
    if not brief.answers:
        return "The gates have not been asked yet."
    if not failing and not missing:
        return f"All {len(brief.answers)} gates pass."
    told = [f"{words.listing(failing)} {'fails' if len(failing) == 1 else 'fail'}"] * bool(failing)
    told += [f"{words.listing(missing)} missing"] * bool(missing)
    return f"{', '.join(told)}."


def _live(shown: Home) -> None:
    if shown.portfolio is None:
        return
    lines = shown.portfolio.lines
    show(page.group("Live models", shown.portfolio.size))
    if not lines:
        feedback.empty(
            "Nothing is live yet",
            "A model is live when its @champion alias points at a version. Ask for a release on "
            "the Model page.",
            page=ways.to("discover"),
            link="Find a model",
        )
        return
    columns = st.columns(2)
    for place, line in enumerate(lines[:_MOST_LIVE]):
        with columns[place % 2]:
            cards.inbox_card(
                live_card(line, shown.names.get(line.owner_id, "")),
                f"live-{line.model.id}",
                ways.to("model"),
                ways.of(line.model),
            )
    if shown.portfolio.size > _MOST_LIVE:
        link(
            f"All {shown.portfolio.size:,} live models",
            "discover",
            icon=":material/search:",
            live="champion",
        )


def live_card(line: Line, owner: str) -> Waiting:
    """A live model: which version is champion since when, whose it is, how it does, in words."""
    # An average over the month would contradict that nobody calls it any more.
    calls = (
        line.why.rstrip(".")
        if line.health is Health.SILENT
        else f"{words.thousands(line.calls / WINDOW_DAYS)} calls a day"
    )
    since = f"live since {words.day(line.live_since)}"
    return Waiting(
        line.model.name,
        health.mark(line),
        f"{calls} · {since} · {owner or 'nobody owns it yet'}",
        chips.alias("champion", line.version_number),
        ":material/deployed_code:",
    )


def _news(shown: Home) -> None:
    with page.card("news"):
        show(page.section("What changed lately"))
        if shown.news:
            rows = [(news(brief, shown),) for brief in shown.news]
            show(tables.table([Column("Release", lead=True)], rows, "What changed lately"))
        else:
            show(note("No release has been decided yet."))
        link("All releases", "releases", icon=":material/approval:")


def news(brief: Brief, shown: Home) -> Markup:
    """The last thing that happened to a closed request, with its day; it leads to the request."""

    def told(*said: object) -> Markup:
        return tables.link(join(said), ways.address("release", {"id": brief.number}))

    way = release_routes.mark(brief.route, brief.requested_by)
    name = f"{brief.model_name} v{brief.version_number}"
    by_whom = f"by {shown.names[brief.decided_by]}, " if brief.decided_by in shown.names else ""
    if brief.promotion is PromotionState.APPLIED and brief.promoted_at:
        said = f"{'set back' if brief.route is Route.ROLLBACK else 'approved'} {by_whom}"
        became = _BECAME.get(brief.route, "became")
        moved = told(f"{name} {became} @{brief.alias}")
        return tables.two(join((moved, " ", way)), f"{said}{words.moment(brief.promoted_at)}")
    at = words.moment(brief.changed_at)
    if brief.promotion is PromotionState.FAILED:
        said = told(f"{name} was approved, its alias not moved")
        return tables.two(join((said, " ", way)), f"{by_whom}{at}")
    stands = release_routes.state_words(brief.route, brief.state).lower()
    said = told(f"{name} {towards(brief)}: {stands}")
    return tables.two(join((said, " ", way)), f"{by_whom}{at}")


_BECAME: Final = {Route.ROLLBACK: "is again", Route.RETIREMENT: "is no longer"}


def _governance(shown: Home) -> None:
    with page.card("governance"):
        show(page.section("To be set right"))
        show(
            tables.facts(
                [
                    (
                        "Unclassified",
                        words.plural(shown.unclassified.total, "model")
                        + " without an owner, a domain or a task",
                    ),
                    (
                        "Without a role",
                        f"{words.plural(len(shown.roleless), 'person', 'people')}: "
                        f"{words.listing(list(shown.roleless[:5]))}"
                        if shown.roleless
                        else "nobody",
                    ),
                ]
            )
        )
        for model in shown.unclassified.models:
            link(f"Classify {model.name}", "model", model=model, icon=":material/deployed_code:")
        link("All gaps", "settings", icon=":material/checklist:", tab="Inventory")
        link("Give and take roles", "access", icon=":material/group:")


def _acts(shown: Home) -> None:
    with page.card("acts"):
        show(
            page.section("Latest acts", "the newest first"),
            tables.table(
                [Column("Act", lead=True), Column("Outcome"), Column("When", "right")],
                [
                    (
                        tables.two(
                            ACTS.get(record.act, record.act),
                            shown.names.get(record.actor, record.actor),
                        ),
                        chips.mark("Done" if record.outcome == "done" else "Refused"),
                        words.moment(record.at),
                    )
                    for record in shown.acts
                ],
                "Latest acts",
            ),
        )
        link("All of the audit trail", "audit", icon=":material/verified_user:")


def _worth(shown: Home, portfolio: Portfolio) -> None:
    used = words.thousands(portfolio.size)
    healthy = sum(line.health is Health.WORKS for line in portfolio.lines)
    value, unit = words.money(portfolio.value_eur)
    calls, scale = words.compact(portfolio.calls / WINDOW_DAYS)
    bars = [float(count) for _, count in portfolio.calls_by_day]
    until = words.day(portfolio.until)
    show(
        tiles.tiles(
            [
                Tile("Models in use", used, "", f"{healthy} work as expected"),
                Tile(
                    "Decisions a day",
                    calls,
                    scale,
                    f"{words.thousands(portfolio.calls)} in {WINDOW_DAYS} days to {until}",
                    bars,
                    "Calls by day",
                ),
                Tile(
                    "Declared value",
                    value,
                    unit,
                    f"of outcomes in {WINDOW_DAYS} days to {until}",
                ),
                Tile("Waiting for a decision", str(shown.undecided), "", "release requests"),
            ]
        )
    )
    link("What our models do for the business", "impact", icon=":material/query_stats:")
