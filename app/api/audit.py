"""The route by which an auditor reads the trail."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Query

from app.api.caller import Caller, Desk
from ledger.clock import iso
from ledger.trail import Filter

# A page to read on a screen. All of it at once is an export, which is an act of its own.
MOST_AT_A_TIME: Final = 100

router = APIRouter(prefix="/audit", tags=["audit"])


@router.get("")
def list_records(  # noqa: PLR0917 - one parameter for each filter
    portal: Desk,
    by: Caller,
    act: str = "",
    actor: str = "",
    resource: str = "",
    outcome: str = "",
    limit: Annotated[int, Query(ge=1, le=MOST_AT_A_TIME)] = 50,
    offset: Annotated[int, Query(ge=0)] = 0,
) -> dict[str, Any]:
    """Records newest first; `record` is the canonical JSON each of them stands by."""
    wanted = Filter(actor=actor, act=act, resource=resource, outcome=outcome)
    records = portal.audits.listing(wanted, by=by, limit=limit, offset=offset)
    return {
        "total": portal.audits.count(wanted, by=by),
        "records": [
            {
                "sequence": record.sequence,
                "at": iso(record.at),
                "record": record.body,
                "texts": dict(record.texts),
            }
            for record in records
        ],
    }
