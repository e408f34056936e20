"""Routes for the inventory as a file: tried, imported, exported."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request, Response

from app.api.caller import Caller, Desk
from catalog.registry.inventory.plan import Plan

router = APIRouter(prefix="/inventory", tags=["inventory"])
_MOST_TOLD: Final = 1_000


async def _body(request: Request) -> bytes:
    return await request.body()


@router.post("/import")
def import_inventory(
    data: Annotated[bytes, Depends(_body)],
    portal: Desk,
    by: Caller,
    *,
    dry_run: Annotated[bool, Query()] = True,
) -> dict[str, Any]:
    """Classify many models by a CSV file, sent as the body; unless told otherwise, only try it."""
    desk = portal.inventory_import
    return _plan(desk.dry_run(data, by=by) if dry_run else desk.run(data, by=by), dry_run=dry_run)


@router.get("/export")
def export_inventory(
    portal: Desk, by: Caller, domain: Annotated[str, Query(max_length=200)] = ""
) -> Response:
    """The inventory as a CSV file, which imported again changes nothing."""
    return Response(
        portal.inventory_import.export(by=by, domain=domain),
        media_type="text/csv",
        headers={"Content-Disposition": 'attachment; filename="inventory.csv"'},
    )


def _plan(plan: Plan, *, dry_run: bool) -> dict[str, Any]:
    return {
        "dry_run": dry_run,
        "digest": plan.digest,
        "rows": plan.rows,
        "models": plan.models,
        "changes_total": len(plan.changes),
        "problems_total": len(plan.problems),
        "changes": [
            {
                "row": one.row,
                "model_id": one.model_id,
                "model": one.model,
                "column": one.column,
                "before": one.before,
                "after": one.after,
            }
            for one in plan.changes[:_MOST_TOLD]
        ],
        "problems": [asdict(one) for one in plan.problems[:_MOST_TOLD]],
    }
