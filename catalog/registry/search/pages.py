"""Pages: what the cards of a handful of found models show, read for all of them at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy import BindParameter, Executable, bindparam, select
from sqlmodel import Session, col

from auth.access import decide
from auth.actors import Actor
from catalog.registry.measures import Measure, reading
from catalog.registry.models import MODEL, Metric, Model, load_models
from catalog.registry.search.matching import Match
from catalog.registry.search.questions import Hit, Snippet
from catalog.registry.search.tables import ModelSearchRow
from catalog.registry.search.words import marked
from catalog.registry.tables import MetricRow, ModelRow, RunDatasetRow, VersionRow

_AROUND: Final = 220
_IDS: Final[BindParameter[list[str]]] = bindparam("ids", expanding=True)
_MODELS: Final[Executable] = select(*MODEL).where(col(ModelRow.id).in_(_IDS))
_SHOWN: Final[Executable] = (
    select(
        col(ModelSearchRow.model_id),
        col(ModelSearchRow.owner),
        col(VersionRow.id),
        col(VersionRow.number),
        col(VersionRow.run_id),
    )
    .join_from(
        ModelSearchRow,
        VersionRow,
        col(VersionRow.id) == col(ModelSearchRow.shown_version_id),
        isouter=True,
    )
    .where(col(ModelSearchRow.model_id).in_(_IDS))
)
_METRICS: Final[Executable] = select(
    col(MetricRow.version_id),
    col(MetricRow.name),
    col(MetricRow.value),
    col(MetricRow.dataset),
    col(MetricRow.dataset_digest),
).where(col(MetricRow.version_id).in_(_IDS))
_USED: Final[Executable] = select(
    col(RunDatasetRow.server),
    col(RunDatasetRow.run_id),
    col(RunDatasetRow.digest),
    col(RunDatasetRow.context),
).where(
    col(RunDatasetRow.server).in_(bindparam("servers", expanding=True)),
    col(RunDatasetRow.run_id).in_(_IDS),
)


def read(
    session: Session,
    ids: Sequence[str],
    match: Match | None,
    measures: Mapping[str, Measure],
    *,
    by: Actor,
) -> tuple[Hit, ...]:
    """The hits with these ids, in this order. One that left the catalog meanwhile is left out.

    So is one that the actor may not know of any more; of one they are kept out of, its summary is.
    """
    if not ids:
        return ()
    connection = session.connection()
    asked = {"ids": list(ids)}
    models = {
        one.id: one
        for one in load_models(session, connection.execute(_MODELS, asked).all())
        if decide(by, "model:find", one.resource)
    }
    locked = {one.id for one in models.values() if not decide(by, "model:read", one.resource)}
    shown = {row.model_id: row for row in connection.execute(_SHOWN, asked)}
    versions = [row.id for row in shown.values() if row.id and row.model_id not in locked]
    metrics: dict[str, list[Metric]] = {}
    for version_id, name, value, dataset, digest in connection.execute(_METRICS, {"ids": versions}):
        metrics.setdefault(version_id, []).append(Metric(name, value, dataset, digest))
    uses: dict[tuple[str, str], dict[str, frozenset[str]]] = {}
    used = {
        "ids": [row.run_id for row in shown.values() if row.run_id],
        "servers": sorted({model.server for model in models.values()}),
    }
    for server, run_id, digest, context in connection.execute(_USED, used):
        by_digest = uses.setdefault((server, run_id), {})
        by_digest[digest] = by_digest.get(digest, frozenset()) | {context}
    hits = []
    for model_id in ids:
        model, row = models.get(model_id), shown.get(model_id)
        if model is None or row is None:
            continue
        if model_id in locked:
            kept = model.summarised()
            found = (_marked(kept.name, match), _snippet(kept, match))
            hits.append(Hit(kept, row.owner, (), None, None, *found, is_locked=True))
            continue
        told = tuple(sorted(metrics.get(row.id, ()), key=lambda one: (one.name, one.dataset)))
        hits.append(
            Hit(
                model,
                row.owner,
                told,
                row.number,
                reading(
                    measures.get(model.task), told, uses.get((model.server, row.run_id or ""), {})
                ),
                _marked(model.name, match),
                _snippet(model, match),
            )
        )
    return tuple(hits)


def _marked(text: str, match: Match | None) -> tuple[tuple[str, bool], ...]:
    if match is None or not match.asked.terms:
        return ()
    last = match.asked.terms[-1].beginning
    return marked(text, match.asked.stems(), last)


def _snippet(model: Model, match: Match | None) -> Snippet | None:
    """The first text in which a word stands that was asked for, around that word."""
    if match is None:
        return None
    tags = ", ".join(f"{key}: {value}" for key, value in sorted(model.tags.items()))
    for place, text in (("description", model.description), ("tags", tags)):
        parts = _marked(text[:5_000], match)
        if any(found for _, found in parts):
            return Snippet(place, _around(parts))
    return None


def _around(parts: tuple[tuple[str, bool], ...]) -> tuple[tuple[str, bool], ...]:
    """About two lines of a text, from a little before the first word that was asked for."""
    length = sum(len(text) for text, _ in parts)
    if length <= _AROUND:
        return parts
    before = 0
    for text, found in parts:
        if found:
            break
        before += len(text)
    start = max(0, min(before - _AROUND // 4, length - _AROUND))
    kept: list[tuple[str, bool]] = [("… ", False)] if start else []
    at = 0
    for text, found in parts:
        inside = text[max(0, start - at) : max(0, start + _AROUND - at)]
        at += len(text)
        if inside:
            kept.append((inside, found))
    return (*kept, ("…", False)) if at > start + _AROUND else tuple(kept)
