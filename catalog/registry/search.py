"""Search: every model whose name, description, tags, domain or owner holds all the words asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import ColumnElement, and_, func, or_
from sqlmodel import Session, col, select

from auth.access import visible_scopes
from auth.actors import Actor
from auth.tables import PrincipalRow
from catalog.registry.models import Metric, Model, load_model
from catalog.registry.tables import MetricRow, ModelRow
from ledger.store import Store

_MOST_WORDS: Final = 8
_LONGEST_QUERY: Final = 200

# Where a word stands decides how much it says about the model. Live models come first among equals.
WEIGHTS: Final = {"name": 8.0, "description": 4.0, "owner": 2.0, "domain": 2.0, "tags": 1.0}
LIVE_BONUS: Final = 0.5


@dataclass(frozen=True)
class Hit:
    """A model that was found, with what its card shows."""

    model: Model
    owner: str
    metrics: tuple[Metric, ...]
    score: float

    @property
    def is_live(self) -> bool:
        """Whether a champion is set."""
        return self.model.alias("champion") is not None


@dataclass(frozen=True)
class Found:
    """One page of hits, and how many there are in all."""

    hits: tuple[Hit, ...]
    total: int
    domains: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Question:
    """What is looked for. Empty fields leave everything in."""

    text: str = ""
    domain: str = ""
    live_only: bool = False

    def words(self) -> tuple[str, ...]:
        """The words asked for, small, at most eight."""
        apart = self.text[:_LONGEST_QUERY].lower()
        return tuple(dict.fromkeys(apart.split()))[:_MOST_WORDS]


def search(
    store: Store, question: Question, *, by: Actor, limit: int = 10, offset: int = 0
) -> Found:
    """The models that hold all the words, best first, among those the actor may see."""
    words = question.words()
    with store.read() as session:
        hits = [
            _hit(session, row, owner or "", words)
            for row, owner in _candidates(session, words, by)
        ]
        hits = [hit for hit in hits if not question.live_only or hit.is_live]
        domains: dict[str, int] = {}
        for hit in hits:
            if hit.model.domain:
                domains[hit.model.domain] = domains.get(hit.model.domain, 0) + 1
        if question.domain:
            hits = [hit for hit in hits if hit.model.domain == question.domain]
        hits.sort(key=lambda hit: (-hit.score, hit.model.name, hit.model.id))
        page = hits[offset : offset + limit]
        return Found(
            tuple(_with_metrics(session, page)), len(hits), tuple(sorted(domains.items()))
        )


def score(words: tuple[str, ...], model: Model, owner: str) -> float:
    """How well a model fits: each word counts once, at the best place it stands in."""
    places = {
        "name": model.name.lower(),
        "description": model.description.lower(),
        "owner": owner.lower(),
        "domain": model.domain.lower(),
        "tags": " ".join(model.tags.values()).lower(),
    }
    total = sum(
        max((WEIGHTS[place] for place, text in places.items() if word in text), default=0.0)
        for word in words
    )
    return total + (LIVE_BONUS if model.alias("champion") else 0.0)


def _candidates(
    session: Session, words: tuple[str, ...], by: Actor
) -> list[tuple[ModelRow, str | None]]:
    query = (
        select(ModelRow, PrincipalRow.name)
        .join(PrincipalRow, col(PrincipalRow.id) == col(ModelRow.owner_id), isouter=True)
        .where(col(ModelRow.gone_at).is_(None), _visible(by))
    )
    for word in words:
        pattern = "%" + word.replace("\\", "\\\\").replace("%", r"\%").replace("_", r"\_") + "%"
        query = query.where(
            or_(
                col(ModelRow.searched).like(pattern, escape="\\"),
                func.lower(ModelRow.domain).like(pattern, escape="\\"),
                func.lower(ModelRow.task).like(pattern, escape="\\"),
                func.lower(PrincipalRow.name).like(pattern, escape="\\"),
            )
        )
    return [(row, owner) for row, owner in session.exec(query)]


def _visible(by: Actor) -> ColumnElement[bool]:
    """What the actor may see, as a condition on models: the same scopes `auth.decide` asks."""
    scopes = visible_scopes(by, "model:read")
    if any(scope.kind == "everything" for scope in scopes):
        return and_(True)
    domains = [scope.id for scope in scopes if scope.kind == "domain"]
    models = [scope.id for scope in scopes if scope.kind == "model"]
    return or_(
        and_(col(ModelRow.domain) != "", col(ModelRow.domain).in_(domains)),
        col(ModelRow.id).in_(models),
    )


def _hit(session: Session, row: ModelRow, owner: str, words: tuple[str, ...]) -> Hit:
    model = load_model(session, row)
    return Hit(model, owner, (), score(words, model, owner))


def _with_metrics(session: Session, hits: list[Hit]) -> list[Hit]:
    live = {
        alias.version_id: hit.model.id
        for hit in hits
        if (alias := hit.model.alias("champion")) is not None
    }
    measured: dict[str, list[Metric]] = {}
    for row in session.exec(select(MetricRow).where(col(MetricRow.version_id).in_(live))):
        measured.setdefault(live[row.version_id], []).append(
            Metric(row.name, row.value, row.dataset, row.dataset_digest)
        )
    return [
        Hit(hit.model, hit.owner, tuple(measured.get(hit.model.id, [])), hit.score) for hit in hits
    ]
