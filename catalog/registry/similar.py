"""Models like this one: on the same data, for the same task, about the same words.

The database offers a bounded number of candidates; a small score, the same on both databases, ranks
them. No question here costs more with more models.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Executable, Row, bindparam, or_, tuple_
from sqlalchemy import select as columns
from sqlmodel import col

from auth.access import decide
from auth.actors import Actor
from catalog.registry.models import MODEL, Dataset, Model, resource
from catalog.registry.named import Named
from catalog.registry.tables import ModelRow, RunDatasetRow, VersionRow
from ledger.acts import Ledger

MOST_CANDIDATES: Final = 200
_WORD: Final = re.compile(r"\w{3,}")
_MOST_WORDS: Final = 60
# What each reason counts. The same rows say most: nobody trains two unrelated models on them.
_SAME_DATA: Final = 4.0
_SAME_TASK: Final = 1.0
_SAME_DOMAIN: Final = 1.0
_SHARED_WORDS: Final = 4.0
_LEAST: Final = 2.0


@dataclass(frozen=True)
class Similar:
    """A model like the one asked about, with the reasons in words."""

    model: Named
    description: str
    reasons: tuple[str, ...]
    score: float


class Similarity:
    """The desk that knows which models are alike."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def of(
        self, model: Model, data: Iterable[Dataset], *, by: Actor, limit: int = 5
    ) -> list[Similar]:
        """The models most like this one, of those the actor may see; the likest first."""
        contents = {(one.name, one.digest) for one in data}
        with self._ledger.store.read() as session:
            connection = session.connection()
            sharing = _sharing(connection.execute, model, contents)
            asked = {
                "id": model.id,
                "ids": list(sharing),
                "domain": model.domain,
                "task": model.task,
                "limit": MOST_CANDIDATES,
            }
            rows = list(connection.execute(_BY_DATA, asked).all()) if sharing else []
            if model.domain:
                rows += connection.execute(_BY_KIND, asked).all()
        own = _words(model.name, model.description, model.tags)
        seen: dict[str, Similar] = {}
        for row in rows:
            if row.id not in seen and decide(by, "model:read", resource(row)):
                seen[row.id] = _compared(model, own, row, sharing.get(row.id, ""))
        found = [one for one in seen.values() if one.score >= _LEAST]
        return sorted(found, key=lambda one: (-one.score, one.model.name, one.model.id))[:limit]


def _sharing(
    execute: Any,  # noqa: ANN401 - a connection's own method
    model: Model,
    contents: Collection[tuple[str, str]],
) -> dict[str, str]:
    """The models with a version made from the same content of a data set, with its name."""
    if not contents:
        return {}
    asked = {"server": model.server, "contents": list(contents), "id": model.id}
    return {row.model_id: row.name for row in execute(_ON_DATA, asked)}


def _compared(model: Model, own: frozenset[str], row: Row[Any], data: str) -> Similar:
    theirs = _words(row.name, row.description, json.loads(row.tags))
    shared = own & theirs
    overlap = len(shared) / max(len(own | theirs), 1)
    reasons = []
    score = _SHARED_WORDS * overlap
    if data:
        reasons.append(f"same data, {data}")
        score += _SAME_DATA
    if model.task and row.task == model.task:
        reasons.append(f"same task, {model.task}")
        score += _SAME_TASK
    if model.domain and row.domain == model.domain:
        reasons.append(f"same domain, {model.domain}")
        score += _SAME_DOMAIN
    if shared:
        reasons.append(f"shared words: {', '.join(sorted(shared, key=lambda w: (-len(w), w))[:4])}")
    named = Named(
        row.id,
        row.server,
        row.workspace,
        row.name,
        row.domain,
        is_gone=False,
        owner_id=row.owner_id,
        is_restricted=row.restricted_at is not None,
    )
    return Similar(named, row.description, tuple(reasons), score)


def _words(name: str, description: str, tags: Any) -> frozenset[str]:  # noqa: ANN401 - JSON
    said = " ".join([name.replace("_", " "), description, *map(str, dict(tags).values())])
    return frozenset(_WORD.findall(said.casefold())[:_MOST_WORDS])


# However many versions were made from the data, no more of them than this are looked at.
_NEAR: Final = (
    columns(col(VersionRow.model_id), col(RunDatasetRow.name))
    .where(
        col(RunDatasetRow.server) == bindparam("server"),
        tuple_(col(RunDatasetRow.name), col(RunDatasetRow.digest)).in_(
            bindparam("contents", expanding=True)
        ),
        col(VersionRow.run_id) == col(RunDatasetRow.run_id),
        col(VersionRow.model_id) != bindparam("id"),
        col(VersionRow.gone_at).is_(None),
    )
    .limit(10 * MOST_CANDIDATES)
    .subquery()
)
_ON_DATA: Final[Executable] = (
    columns(_NEAR.c.model_id, _NEAR.c.name).distinct().limit(MOST_CANDIDATES)
)
_OTHERS: Final = columns(*MODEL).where(
    col(ModelRow.id) != bindparam("id"), col(ModelRow.gone_at).is_(None)
)
_BY_DATA: Final[Executable] = _OTHERS.where(col(ModelRow.id).in_(bindparam("ids", expanding=True)))
_BY_KIND: Final[Executable] = _OTHERS.where(
    col(ModelRow.domain) == bindparam("domain"),
    or_(col(ModelRow.task) == bindparam("task"), bindparam("task") == ""),
).limit(bindparam("limit"))
