"""The post: carries out what is queued, letter by letter, in the words of this moment."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final
from urllib.parse import urlencode

from app.notice_words import Told, told
from app.occasions import occasion_of
from app.portal import Portal
from app.ui import words
from auth.actors import Actor
from catalog.notifications.channels import MAIL
from catalog.notifications.deliveries import DIGEST, Claim
from catalog.notifications.kinds import How, Why
from catalog.notifications.notices import Notice
from catalog.notifications.outbound import Letter, Outbound
from ledger.errors import CountersignError, Unauthenticated, Unavailable
from ledger.journal import event_of

_MOST_IN_A_DIGEST: Final = 50
_MOST_COUNTED: Final = 500
# Where a drill may kill the worker.
POINTS: Final = ("claimed-delivery", "called-channel")


def deliver(
    portal: Portal,
    outbound: Outbound,
    event_id: str,
    first: str,
    last: str,
    at_point: Callable[[str], None] = lambda _point: None,
) -> None:
    """Try once to send everything of one bag that is still to be sent.

    What does not arrive is asked for again when its time has come.
    """
    for person_id, channel_id in portal.deliveries.due(event_id, first, last):
        deliver_one(portal, outbound, (event_id, person_id, channel_id), at_point)


def deliver_one(
    portal: Portal,
    outbound: Outbound,
    key: tuple[str, str, str],
    at_point: Callable[[str], None] = lambda _point: None,
) -> None:
    """Try once to send one delivery, and write down what became of it."""
    desk = portal.deliveries
    claim = desk.claim(*key)
    if claim is None:
        return
    at_point(POINTS[0])
    try:
        person = portal.people.actor(claim.person_id)
    except Unauthenticated:
        desk.skip(claim, "nobody")
        return
    letter = _letter(portal, claim, person)
    if letter is None:
        desk.skip(claim, "nothing-to-say")
        return
    try:
        if claim.channel_id == MAIL:
            outbound.mail(person.email, letter)
        else:
            outbound.call(claim.way, portal.secrets.open(claim.sealed), letter)
    except Unavailable as problem:
        desk.put_back(claim, problem.code)
        return
    except CountersignError as problem:
        desk.fail(claim, problem.code)
        return
    at_point(POINTS[1])
    desk.sent(claim)


def _letter(portal: Portal, claim: Claim, person: Actor) -> Letter | None:
    """What is to be said, or nothing: what they may not see any more is told to nobody."""
    if claim.event_id.startswith(DIGEST):
        return _digest(portal, claim, person)
    notice = portal.notices.about(claim.event_id, person.id) or _of_a_team(portal, claim)
    if notice is None:
        return None
    (one,) = told(portal, [notice], by=person)
    if one.model is None:
        return None
    body = "\n".join(filter(None, (one.detail, _because(claim, one), _link(portal, one))))
    return Letter(claim.id, one.title, body)


def _of_a_team(portal: Portal, claim: Claim) -> Notice | None:
    """A team's channel hears of what its admin was not told of themselves."""
    with portal.store.read() as session:
        event = event_of(session, claim.event_id)
        found = occasion_of(session, event) if event else None
    if found is None:
        return None
    return Notice(claim.event_id, found.kind, Why.TEAM, found.model.id, found.facts, found.at, None)


def _because(claim: Claim, one: Told) -> str:
    return one.because if claim.channel_id == MAIL else ""


def _digest(portal: Portal, claim: Claim, person: Actor) -> Letter | None:
    wanted = portal.channels.preferences(by=person)
    kinds = [kind for kind, how in wanted.items() if how is How.DIGEST]
    found = portal.notices.page(by=person, kinds=kinds, limit=_MOST_COUNTED)
    said = [
        one
        for one in told(portal, [one for one in found.notices if one.read_at is None], by=person)
        if one.model is not None
    ]
    if not said:
        return None
    lines = [
        f"{words.moment(one.notice.at)}: {one.title} {one.detail}\n  {_link(portal, one)}"
        for one in said[:_MOST_IN_A_DIGEST]
    ]
    left = len(said) - _MOST_IN_A_DIGEST
    if left > 0:
        lines.append(f"And {words.plural(left, 'more')} in Countersign.")
    # What they may not see any more is counted for nobody, so more is not counted than is read.
    some = "More than " if found.unread > _MOST_COUNTED else ""
    title = f"{some}{words.plural(len(said), 'notice')} you have not read"
    return Letter(claim.id, title, "\n\n".join(lines))


def _link(portal: Portal, one: Told) -> str:
    base = portal.settings.public_url
    if one.request:
        return f"{base}/release?{urlencode({'id': one.request})}"
    if one.finding:
        return f"{base}/findings?{urlencode({'id': one.finding})}"
    if one.model is None or one.model.is_gone:
        return f"{base}/notifications"
    where = {"name": one.model.name, "server": one.model.server, "workspace": one.model.workspace}
    return f"{base}/model?{urlencode({**where, **one.place})}"
