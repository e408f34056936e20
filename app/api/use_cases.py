"""Routes for AI use cases and the models under them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query

from app.api.caller import Caller, Desk
from catalog.use_cases.use_cases import UseCase
from ledger.clock import iso

router = APIRouter(prefix="/use-cases", tags=["use cases"])


@router.get("")
def list_use_cases(
    portal: Desk,
    by: Caller,
    limit: Annotated[int, Query(ge=1, le=100)] = 25,
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
) -> dict[str, Any]:
    """The use cases the caller may see, by name."""
    found = portal.use_cases.listing(by=by, limit=limit, offset=offset)
    total = portal.use_cases.count(by=by)
    return {"total": total, "use_cases": [_use_case(one) for one in found]}


@router.get("/{use_case_id}")
def one_use_case(
    use_case_id: str,
    portal: Desk,
    by: Caller,
    limit: Annotated[int, Query(ge=1, le=100)] = 25,
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
) -> dict[str, Any]:
    """One use case with a page of its models and what does not agree with it."""
    use_case = portal.use_cases.get(use_case_id, by=by)
    total, placed = portal.inventory_gaps.under(use_case, by=by, limit=limit, offset=offset)
    return {
        **_use_case(use_case),
        "models_total": total,
        "models": [
            {
                "id": one.model.id,
                "name": one.model.name,
                "tier": one.model.tier,
                "regulatory_class": one.model.regulatory_class,
                "stage": one.model.stage,
                "gaps": list(one.gaps),
            }
            for one in placed
        ],
    }


def _use_case(use_case: UseCase) -> dict[str, Any]:
    return {
        "id": use_case.id,
        "name": use_case.name,
        "purpose": use_case.purpose,
        "domain": use_case.domain,
        "business_owner_id": use_case.business_owner_id,
        "regulatory_class": use_case.regulatory_class,
        "tier": use_case.tier,
        "status": use_case.status,
        "created_at": iso(use_case.created_at),
        "changed_at": iso(use_case.changed_at),
    }
