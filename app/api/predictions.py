"""The route by which serving applications report what they asked of models."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.api.caller import Caller, Desk
from catalog.monitoring.telemetry import (
    MOST_ROWS,
    Prediction,
    Receipt,
    RefusedRow,
    may_report,
)
from ledger.errors import Invalid

router = APIRouter(prefix="/predictions", tags=["predictions"])


class Reported(BaseModel):
    """One call: an output, or the error that came instead of it. Latency is in milliseconds."""

    model_config = ConfigDict(extra="forbid")

    prediction_id: str
    occurred_at: datetime
    model: str
    version: int
    output: str | float | bool | None = None
    error: str = ""
    latency_ms: float
    features: dict[str, Any] = Field(default_factory=dict)
    server: str = ""
    workspace: str = ""


class Batch(BaseModel):
    """Up to 1,000 calls. A row that cannot be read is refused by itself."""

    model_config = ConfigDict(extra="forbid")

    predictions: list[dict[str, Any]] = Field(
        json_schema_extra={"items": {"$ref": "#/components/schemas/Reported"}}
    )


@router.post("", responses={200: {"model": dict[str, Any]}})
def report(batch: Batch, portal: Desk, by: Caller) -> dict[str, Any]:
    """Report calls; sending a row again changes nothing."""
    if len(batch.predictions) > MOST_ROWS:
        raise Invalid(
            f"The batch has {len(batch.predictions):,} rows.",
            hint=f"Send 1 to {MOST_ROWS:,} at a time.",
            code="too-many-rows",
        )
    places: list[int] = []
    readable: list[Prediction] = []
    unreadable: list[RefusedRow] = []
    for index, row in enumerate(batch.predictions):
        try:
            readable.append(Prediction(**Reported.model_validate(row).model_dump()))
            places.append(index)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            told = f"{where}: {first['msg']}."
            unreadable.append(
                RefusedRow(index, str(row.get("prediction_id", ""))[:80], "malformed", told)
            )
    if readable or not batch.predictions:
        receipt = portal.telemetry.report(readable, by=by)
    else:
        may_report(by).insist()
        receipt = Receipt(0, 0, ())
    refused = [
        *unreadable,
        *(RefusedRow(places[r.index], r.prediction_id, r.code, r.detail) for r in receipt.refused),
    ]
    return {
        "accepted": receipt.accepted,
        "repeated": receipt.repeated,
        "refused": [vars(row) for row in sorted(refused, key=lambda row: row.index)],
    }
