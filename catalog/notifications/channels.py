"""The channel desk: how somebody wants to be told, and the ways out of the portal."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlmodel import col, or_, select

from auth.access import ANYTHING, Verdict, decide, may_anywhere
from auth.actors import Actor
from auth.actors import Kind as PrincipalKind
from auth.secret_box import SecretBox
from catalog.notifications.addresses import Allowed
from catalog.notifications.kinds import DEFAULTS, How, Kind
from catalog.notifications.tables import ChannelRow, PreferenceRow
from ledger.acts import Ledger
from ledger.errors import Conflict, Invalid, NotFound, Refused
from ledger.ids import new_id

MAIL: Final = "mail"
EVERYWHERE: Final = "*"
MOST_CHANNELS: Final = 10
LONGEST_NAME: Final = 80


class Way(StrEnum):
    """What waits at the other end."""

    MAIL = "mail"
    SLACK = "slack"
    TEAMS = "teams"
    WEBHOOK = "webhook"


@dataclass(frozen=True)
class Channel:
    """A way out; of its address only the host is told."""

    id: str
    owner_id: str
    way: Way
    name: str
    host: str
    team_domain: str
    added_at: datetime


class Channels:
    """How people are told outside the portal."""

    def __init__(self, ledger: Ledger, allowed: Allowed, box: SecretBox) -> None:
        self._ledger = ledger
        self._allowed = allowed
        self._box = box

    @property
    def hosts(self) -> tuple[str, ...]:
        """What the operator allows webhooks to."""
        return self._allowed.entries

    # -- preferences ---------------------------------------------------------------------------

    def preferences(self, *, by: Actor) -> dict[Kind, How]:
        """How somebody is told of each kind of notice, chosen or not."""
        query = select(PreferenceRow).where(PreferenceRow.person_id == by.id)
        with self._ledger.store.read() as session:
            chosen = {row.kind: How(row.how) for row in session.exec(query)}
        return {kind: chosen.get(kind, how) for kind, how in DEFAULTS.items()}

    def prefer(self, kind: Kind, how: How, *, by: Actor) -> None:
        """Choose how to be told of one kind of notice. Raises Refused for anybody but a person."""
        with self._ledger.act("preference:set", actor=by.id, resource=f"person:{by.id}") as act:
            act.facts |= {"kind": kind, "how": how}
            _insist_person(by)
            act.session.merge(PreferenceRow(person_id=by.id, kind=kind, how=how))

    # -- channels ------------------------------------------------------------------------------

    def add(self, way: Way, name: str, url: str, *, by: Actor, team_domain: str = "") -> Channel:
        """Add a webhook of one's own, or, as a governance admin, of a team.

        A team's channel hears all that happens in its domain (`*`: everywhere) and that the admin
        who added it may see. The address is sealed and never shown again.

        Raises:
            Invalid: no name, or no address of this kind. Refused: the operator did not name the
            host, it leads into a private network, or somebody else must add it. Conflict: too many.
            Unavailable: the host is not known at this moment.
        """
        name, team_domain = " ".join(name.split()), " ".join(team_domain.split())
        if not 1 <= len(name) <= LONGEST_NAME:
            raise Invalid("A channel's name has 1 to 80 characters.", hint="For example Risk team.")
        if way is Way.MAIL:
            raise Invalid(
                "Letters go to the address that one signs in with.",
                hint="A governance admin knows how to change it.",
            )
        with self._ledger.act("channel:add", actor=by.id, resource=f"person:{by.id}") as act:
            act.facts |= {"way": way, "for": "team" if team_domain else "person"}
            act.texts["name"] = name
            _insist_person(by)
            if team_domain:
                act.texts["domain"] = team_domain
                decide(by, "channel:add:team", ANYTHING).insist()
            address = self._allowed.check(url)
            address.insist_public()
            mine = select(ChannelRow.id).where(
                ChannelRow.owner_id == by.id, col(ChannelRow.removed_at).is_(None)
            )
            if len(act.session.exec(mine).all()) >= MOST_CHANNELS:
                raise Conflict(
                    f"Nobody has more than {MOST_CHANNELS} channels.",
                    hint="Remove one first.",
                    code="too-many-channels",
                )
            row = ChannelRow(
                id=new_id("chn"),
                owner_id=by.id,
                kind=way,
                name=name,
                host=address.host,
                address=self._box.seal(url),
                team_domain=team_domain,
                added_at=act.at,
            )
            act.session.add(row)
            act.facts["channel"] = row.id
            return _channel(row)

    def remove(self, channel_id: str, *, by: Actor) -> None:
        """Remove a channel of one's own, or, as a governance admin, of a team. Raises NotFound."""
        with self._ledger.act(
            "channel:remove", actor=by.id, resource=f"channel:{channel_id}"
        ) as act:
            row = act.session.get(ChannelRow, channel_id)
            mine = row is not None and row.owner_id == by.id
            teams = row is not None and row.team_domain and self.may_add_for_a_team(by=by)
            if row is None or row.removed_at is not None or not (mine or teams):
                raise NotFound("There is no such channel.", hint="Reload the page.")
            row.removed_at, row.address = act.at, ""
            act.session.add(row)

    def of(self, *, by: Actor) -> list[Channel]:
        """One's own channels, and for a governance admin those of all teams."""
        mine = ChannelRow.owner_id == by.id
        query = select(ChannelRow).where(
            col(ChannelRow.removed_at).is_(None),
            or_(mine, ChannelRow.team_domain != "") if self.may_add_for_a_team(by=by) else mine,
        )
        with self._ledger.store.read() as session:
            rows = session.exec(query.order_by(ChannelRow.name, ChannelRow.id))
            return [_channel(row) for row in rows]

    def may_add_for_a_team(self, *, by: Actor) -> Verdict:
        """Whether the actor may set up a team's channel."""
        return decide(by, "channel:add:team", ANYTHING)


def _insist_person(by: Actor) -> None:
    if by.kind is not PrincipalKind.PERSON or not may_anywhere(by, "model:read"):
        raise Refused(
            f"{by.name} may see no model, so there is nothing to be told of.",
            hint="A governance admin gives roles on the Access page.",
            code="no-role",
        )


def _channel(row: ChannelRow) -> Channel:
    return Channel(
        row.id, row.owner_id, Way(row.kind), row.name, row.host, row.team_domain, row.added_at
    )
