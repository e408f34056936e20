"""The route that tells two versions apart, of one model or of two."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from app.api.caller import Caller, Desk
from app.compared import Asked, compared
from catalog.lineage.report import as_data
from ledger.clock import iso

router = APIRouter(tags=["models"])
_LARGEST: Final = 2**31 - 1
_LONGEST: Final = 500


class Pair(BaseModel):
    """The two versions; `with` names a second model, whose version `right` then is."""

    model_config = ConfigDict(extra="forbid")

    left: int = Field(ge=1, le=_LARGEST)
    right: int = Field(ge=1, le=_LARGEST)
    server: str = Field("", max_length=_LONGEST)
    workspace: str = Field("", max_length=_LONGEST)
    other: str = Field("", alias="with", max_length=_LONGEST)
    with_server: str = Field("", max_length=_LONGEST)
    with_workspace: str = Field("", max_length=_LONGEST)


@router.get("/models/{name}/compare")
def compare_versions(
    name: str, portal: Desk, by: Caller, pair: Annotated[Pair, Query()]
) -> dict[str, Any]:
    """What makes version `right` different from version `left`, with intervals where there are."""
    before = after = portal.models.find(name, by=by, server=pair.server, workspace=pair.workspace)
    if pair.other:
        after = portal.models.find(
            pair.other, by=by, server=pair.with_server, workspace=pair.with_workspace
        )
    told = compared(portal, Asked(before, pair.left, after, pair.right), by=by)
    mirrored = {
        state.server: iso(state.succeeded_at) if state.succeeded_at else None
        for state in portal.models.mirrored()
    }
    return {**as_data(told, portal.clock.now()), "mirrored_at": mirrored}
