"""The route by which the change journal of a model is read."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Query

from app.api.addressed import Named
from app.api.caller import Caller, Desk
from catalog.registry.changes import Change, Kind
from catalog.releases.decisions.docket import Wanted
from ledger.clock import iso

router = APIRouter(tags=["models"])
_MOST: Final = 100


@router.get("/models/{name}/changes")
def changes(
    model: Named,
    portal: Desk,
    by: Caller,
    kind: Annotated[tuple[Kind, ...], Query()] = (),
    limit: Annotated[int, Query(ge=1, le=_MOST)] = 50,
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
) -> dict[str, Any]:
    """What changed in MLflow, newest first, each in the window `(since, until]`.

    `since` is null for what was there when it was first read. `release_request` is the one that
    explains a move of an alias; one that nothing explains was made outside of Countersign.
    """
    found = portal.changes.of(model, kinds=kind, limit=limit, offset=offset)
    briefs = portal.docket.briefs(Wanted(model_id=model.id), by=by)
    requests = {one.promotion_id: one.number for one in briefs if one.promotion_id}
    return {
        "model": model.name,
        "total": portal.changes.count(model, kinds=kind),
        "changes": [_change(one, requests.get(one.by_promotion)) for one in found],
    }


def _change(one: Change, request: str | None) -> dict[str, Any]:
    return {
        "id": one.id,
        "kind": one.kind,
        "version": one.number,
        "name": one.name,
        "before": one.before,
        "after": one.after,
        "since": iso(one.since) if one.since else None,
        "until": iso(one.until),
        "by_countersign": bool(one.by_promotion),
        "release_request": request,
    }
