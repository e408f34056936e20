"""Search: every model whose name, description, tags, domain or owner holds all the words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from sqlalchemy import ColumnElement, and_, func, or_
from sqlmodel import Session, col, select

from auth.access import visible_scopes
from auth.actors import Actor
from auth.tables import PrincipalRow
from catalog.registry.measures import Measure, Reading, reading
from catalog.registry.models import Metric, Model, load_models
from catalog.registry.tables import MetricRow, ModelRow, RunDatasetRow, VersionRow
from ledger.store import Store

_MOST_WORDS: Final = 8
_LONGEST_QUERY: Final = 200

# Where a word stands decides how much it says about the model; words that stand together as they
# were asked say more than the same words apart; live models come first among equals.
WEIGHTS: Final = {"name": 8.0, "description": 4.0, "owner": 2.0, "domain": 2.0, "tags": 1.0}
PHRASE_BONUS: Final = 6.0
LIVE_BONUS: Final = 0.5


class Order(StrEnum):
    """What stands first."""

    BEST_MATCH = "match"
    NEWEST = "newest"
    BEST_METRIC = "metric"


@dataclass(frozen=True)
class Hit:
    """A model that was found, with what its card shows.

    The metrics are those of its champion, or of its newest version while nothing is live; `number`
    says which version that is, and `key` is the one that decides.
    """

    model: Model
    owner: str
    metrics: tuple[Metric, ...]
    score: float
    number: int | None = None
    key: Reading | None = None

    @property
    def is_live(self) -> bool:
        """Whether a champion is set."""
        return self.model.alias("champion") is not None


@dataclass(frozen=True)
class Found:
    """One page of hits, and how many there are in all.

    `measure` is there when every hit is measured alike, so that all can be compared by it.
    """

    hits: tuple[Hit, ...]
    total: int
    domains: tuple[tuple[str, int], ...]
    live: int = 0
    measure: Measure | None = None


@dataclass(frozen=True)
class Question:
    """What is looked for. Empty fields leave everything in; of several domains any one will do."""

    text: str = ""
    domain: str = ""
    live_only: bool = False
    domains: frozenset[str] = frozenset()

    def words(self) -> tuple[str, ...]:
        """The words asked for, small, at most eight."""
        apart = self.text[:_LONGEST_QUERY].lower()
        return tuple(dict.fromkeys(apart.split()))[:_MOST_WORDS]


def search(
    store: Store,
    question: Question,
    *,
    by: Actor,
    limit: int = 10,
    offset: int = 0,
    order: Order = Order.BEST_MATCH,
    measures: Mapping[str, Measure] | None = None,
) -> Found:
    """The models that hold all the words, best first, among those the actor may see.

    `measures` says what decides for each task. Ordered by the deciding number, models that predict
    the same kind of thing stand together, the kind with the best match first.
    """
    words = question.words()
    with store.read() as session:
        candidates = _candidates(session, words, by)
        models = load_models(session, [row for row, _ in candidates])
        hits = [
            Hit(model, owner or "", (), score(words, model, owner or ""))
            for model, (_, owner) in zip(models, candidates, strict=True)
        ]
        hits = [hit for hit in hits if not question.live_only or hit.is_live]
        domains: dict[str, int] = {}
        for hit in hits:
            if hit.model.domain:
                domains[hit.model.domain] = domains.get(hit.model.domain, 0) + 1
        if wanted := {question.domain, *question.domains} - {""}:
            hits = [hit for hit in hits if hit.model.domain in wanted]
        measure = _shared_measure(hits, measures or {})
        if order is Order.BEST_METRIC:
            hits = _with_metrics(session, hits, measures or {})
        ranks = _task_ranks(hits)
        hits.sort(key=lambda hit: _place(hit, order, ranks))
        page = hits[offset : offset + limit]
        return Found(
            tuple(_with_metrics(session, page, measures or {})),
            len(hits),
            tuple(sorted(domains.items())),
            sum(hit.is_live for hit in hits),
            measure,
        )


def _shared_measure(hits: Sequence[Hit], measures: Mapping[str, Measure]) -> Measure | None:
    tasks = {hit.model.task for hit in hits}
    return measures.get(tasks.pop()) if len(tasks) == 1 else None


def _task_ranks(hits: Sequence[Hit]) -> dict[str, int]:
    """The tasks among the hits, the one with the best match first."""
    tasks = [hit.model.task for hit in sorted(hits, key=lambda hit: (-hit.score, hit.model.name))]
    return {task: rank for rank, task in enumerate(dict.fromkeys(tasks))}


def _place(hit: Hit, order: Order, ranks: Mapping[str, int]) -> tuple[int, float, str, str]:
    group = 0
    if order is Order.NEWEST:
        first = -hit.model.updated_at.timestamp()
    elif order is Order.BEST_METRIC:
        # Numbers of different tasks say nothing about each other: each task is ordered by its own.
        group = ranks[hit.model.task]
        sign = -1.0 if hit.key and hit.key.measure.better == "higher" else 1.0
        first = sign * hit.key.value if hit.key else float("inf")
    else:
        first = -hit.score
    return group, first, hit.model.name, hit.model.id


def score(words: tuple[str, ...], model: Model, owner: str) -> float:
    """How well a model fits: each word counts once, at the best place it stands in."""
    phrase = " ".join(words)
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
    if len(words) > 1 and any(phrase in text for text in places.values()):
        total += PHRASE_BONUS
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


@dataclass
class _Shown:
    """The version that stands for a model: its metrics, and what its run used data for."""

    model_id: str
    number: int
    run: tuple[str, str]
    metrics: list[Metric] = field(default_factory=list)
    uses: dict[str, frozenset[str]] = field(default_factory=dict)


def _with_metrics(
    session: Session, hits: Sequence[Hit], measures: Mapping[str, Measure]
) -> list[Hit]:
    shown = {one.model_id: one for one in _shown(session, hits)}
    return [
        replace(
            hit,
            metrics=tuple(one.metrics),
            number=one.number,
            key=reading(measures.get(hit.model.task), one.metrics, one.uses),
        )
        if (one := shown.get(hit.model.id)) is not None
        else hit
        for hit in hits
    ]


def _shown(session: Session, hits: Sequence[Hit]) -> list[_Shown]:
    found: dict[str, _Shown] = {}
    newest = (
        select(VersionRow.model_id, func.max(VersionRow.number).label("number"))
        .where(
            col(VersionRow.model_id).in_([hit.model.id for hit in hits if not hit.is_live]),
            col(VersionRow.gone_at).is_(None),
        )
        .group_by(col(VersionRow.model_id))
        .subquery()
    )
    live = [a.version_id for hit in hits if (a := hit.model.alias("champion")) is not None]
    of = {hit.model.id: hit.model for hit in hits}
    for row in session.exec(
        select(VersionRow)
        .join(
            newest,
            and_(
                col(VersionRow.model_id) == newest.c.model_id,
                col(VersionRow.number) == newest.c.number,
            ),
            isouter=True,
        )
        .where(
            col(VersionRow.gone_at).is_(None),
            or_(col(VersionRow.id).in_(live), newest.c.number.is_not(None)),
        )
    ):
        found[row.id] = _Shown(row.model_id, row.number, (of[row.model_id].server, row.run_id))
    for metric in session.exec(select(MetricRow).where(col(MetricRow.version_id).in_(found))):
        found[metric.version_id].metrics.append(
            Metric(metric.name, metric.value, metric.dataset, metric.dataset_digest)
        )
    runs: dict[tuple[str, str], list[_Shown]] = {}
    for one in found.values():
        runs.setdefault(one.run, []).append(one)
    for used in session.exec(
        select(RunDatasetRow).where(col(RunDatasetRow.run_id).in_([run for _, run in runs]))
    ):
        for one in runs.get((used.server, used.run_id), []):
            one.uses[used.digest] = one.uses.get(used.digest, frozenset()) | {used.context}
    return list(found.values())
