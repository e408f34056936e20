"""The route at which MLflow says that something changed: signed, and taken only as a hint."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from app.api.caller import Desk

router = APIRouter(tags=["webhooks"])


@router.post("/webhooks/mlflow/{server}", status_code=202)
async def receive(server: str, request: Request, portal: Desk) -> JSONResponse:
    """Take a delivery of an MLflow webhook. The model it names is read again within seconds.

    It is known by its signature (`X-MLflow-Signature`), never by a bearer token.
    """
    body = await request.body()
    await run_in_threadpool(
        portal.mirror_hints.receive,
        server,
        delivery=request.headers.get("x-mlflow-delivery-id", ""),
        timestamp=request.headers.get("x-mlflow-timestamp", ""),
        signature=request.headers.get("x-mlflow-signature", ""),
        body=body,
    )
    return JSONResponse({"status": "accepted"}, 202)
