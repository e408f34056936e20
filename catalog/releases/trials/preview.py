"""A draft before it binds anybody: what it would take over from which policy, and one version."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Executable, Row, and_, func, or_
from sqlalchemy import select as columns
from sqlmodel import Session, col

from auth.access import Verdict, insist_visible
from auth.actors import Actor
from catalog.registry.models import resource
from catalog.registry.tables import AliasRow, ModelRow, VersionRow
from catalog.registry.visible import VISIBLE, seen_by
from catalog.releases.evidence import taking
from catalog.releases.gates import asking as gates
from catalog.releases.policies.law import Classified, Policy, Published, governing
from catalog.releases.policies.shelf import Policies, classified
from catalog.releases.requests.rights import checked_alias, may_tell_apart
from catalog.releases.states import Route
from ledger.acts import Ledger
from ledger.errors import NotFound

MOST_NAMED: Final = 5
# Those that are named are of these many classifications, so that the question stays short.
_MOST_CLASSES: Final = 20
# A model that is not live yet is counted by where it would most often go.
_USUAL: Final = "champion"
_HINT: Final = "Choose one on the Model page."


@dataclass(frozen=True)
class LiveName:
    """A live version, by what it is called."""

    model_id: str
    model: str
    version: int
    alias: str


@dataclass(frozen=True)
class Shift:
    """What would go from one policy to another, each as title and version; empty is no policy.

    `models` counts the models whose releases it concerns, also those that are not live, `live` the
    live versions; a few of them are `named`.
    """

    today: str
    then: str
    models: int
    live: int
    named: tuple[LiveName, ...]


@dataclass(frozen=True)
class Foreseen:
    """What the gates of a draft say of a version now, and what would govern its release.

    `governed_by` is a title and version; empty where no policy would. `may_tell_apart`: whether an
    approver can be told from who built the version.
    """

    gates: tuple[gates.GateResult, ...]
    governed_by: str
    is_governed: bool
    may_tell_apart: Verdict


class Previews:
    """The desk where a draft is looked at on the models as they are. It changes nothing."""

    def __init__(self, ledger: Ledger, policies: Policies) -> None:
        self._ledger = ledger
        self._policies = policies

    def shifts(self, draft: Policy, *, by: Actor) -> list[Shift]:
        """What a draft would take over, or let go, of the models the actor may see; most first."""
        who = seen_by(by, "release:read")
        with self._ledger.store.read() as session:
            today, then = (
                self._policies.in_force(session),
                self._policies.with_draft(draft, session),
            )

            def shift(row: Row[tuple[str, ...]], alias: str) -> tuple[str, str] | None:
                asked = _classified(row, alias)
                before, after = governing(today, asked), governing(then, asked)
                is_its = (before is not None and before.policy.name == draft.name) or (
                    after is not None and after.policy is draft
                )
                return (_called(before), _called(after)) if is_its else None

            live: dict[tuple[str, str], int] = defaultdict(int)
            models: dict[tuple[str, str], int] = defaultdict(int)
            groups: dict[tuple[str, str], list[Row[tuple[str, ...]]]] = defaultdict(list)
            for row in session.connection().execute(_LIVE_BY_CLASS, who):
                if (key := shift(row, row.alias)) is not None:
                    live[key] += row.many
                    groups[key].append(row)
            for row in session.connection().execute(_MODELS_BY_CLASS, who):
                for alias in draft.applies_to.aliases or (_USUAL,):
                    if (key := shift(row, alias)) is not None:
                        models[key] += row.many
                        break
            found = [
                Shift(*key, models[key], live[key], _named(session, groups[key], who))
                for key in live.keys() | models.keys()
            ]
        return sorted(found, key=lambda one: (-one.live, -one.models, one.today, one.then))

    def of_version(self, draft: Policy, version_id: str, alias: str, *, by: Actor) -> Foreseen:
        """What a draft says of a release of one version to an alias, with the evidence of now.

        Raises:
            Invalid: no such alias.
            NotFound: no such version for this actor.
        """
        alias = checked_alias(alias)
        with self._ledger.store.read() as session:
            version = session.get(VersionRow, version_id)
            model = session.get(ModelRow, version.model_id) if version else None
            if version is None or model is None or version.gone_at is not None:
                raise NotFound("There is no such version.", hint=_HINT, code="no-such-version")
            insist_visible(by, "release:read", resource(model), "such version", _HINT)
            snapshot = taking.take(session, model, version, alias)
            law = governing(self._policies.with_draft(draft, session), classified(model, alias))
            said = gates.evaluate(draft, snapshot, self._ledger.clock.now())
            is_governed = law is not None and law.policy is draft
            apart = may_tell_apart(draft, Route.RELEASE, snapshot.authors)
            return Foreseen(said, _called(law), is_governed, apart)


def _called(one: Published | None) -> str:
    return f"{one.policy.title} v{one.policy.version}" if one else ""


def _classified(row: Row[tuple[str, ...]], alias: str) -> Classified:
    tier = int(row.tier) if row.tier else 0
    return Classified(tier, row.regulatory_class, row.domain, alias, row.task)


def _named(
    session: Session, groups: list[Row[tuple[str, ...]]], who: dict[str, object]
) -> tuple[LiveName, ...]:
    if not groups:
        return ()
    is_one = [
        and_(
            col(ModelRow.tier) == row.tier,
            col(ModelRow.regulatory_class) == row.regulatory_class,
            col(ModelRow.domain) == row.domain,
            col(ModelRow.task) == row.task,
            col(AliasRow.alias) == row.alias,
        )
        for row in groups[:_MOST_CLASSES]
    ]
    query = (
        columns(col(ModelRow.id), col(ModelRow.name), col(AliasRow.number), col(AliasRow.alias))
        .where(*_IS_LIVE, or_(*is_one))
        .order_by(col(ModelRow.name), col(AliasRow.alias))
        .limit(MOST_NAMED)
    )
    return tuple(LiveName(*row) for row in session.connection().execute(query, who))


_CLASS: Final = (
    col(ModelRow.tier),
    col(ModelRow.regulatory_class),
    col(ModelRow.domain),
    col(ModelRow.task),
)
_IS_THERE: Final = (col(ModelRow.gone_at).is_(None), VISIBLE)
_IS_LIVE: Final = (col(AliasRow.model_id) == col(ModelRow.id), *_IS_THERE)
_MANY: Final = func.count().label("many")
_MODELS_BY_CLASS: Final[Executable] = (
    columns(*_CLASS, _MANY).select_from(ModelRow).where(*_IS_THERE).group_by(*_CLASS)
)
_LIVE_BY_CLASS: Final[Executable] = (
    columns(*_CLASS, col(AliasRow.alias), _MANY)
    .where(*_IS_LIVE)
    .group_by(*_CLASS, col(AliasRow.alias))
)
