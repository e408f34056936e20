"""Routes by which applications say on which model they rely."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from app.api.addressed import Named
from app.api.caller import Caller, Desk
from catalog.applications.consumers import Consumer, Criticality, Relies
from catalog.monitoring.callers import Use, uses
from ledger.clock import iso

router = APIRouter(tags=["consumers"])


class Registration(BaseModel):
    """An application's word on its use of `model@alias`; left out, `application` is the caller."""

    model_config = ConfigDict(extra="forbid")

    model: str
    alias: str
    purpose: str
    contact: str
    criticality: str = Criticality.MEDIUM
    application: str = ""
    server: str = ""
    workspace: str = ""


@router.post("/consumers", status_code=201)
def register(said: Registration, portal: Desk, by: Caller) -> dict[str, Any]:
    """Register an application as consumer of an alias of a model."""
    model = portal.models.find(said.model, by=by, server=said.server, workspace=said.workspace)
    relies = Relies(said.alias, said.purpose, said.contact, said.criticality)
    made = portal.consumers.register(model.id, relies, by=by, application_id=said.application)
    return {"model": model.name, **_consumer(made)}


@router.post("/consumers/{consumer_id}/end", status_code=204)
def end(consumer_id: str, portal: Desk, by: Caller) -> None:
    """Say that the application does not rely on it any more."""
    portal.consumers.end(consumer_id, by=by)


@router.get("/models/{name}/consumers")
def of_model(model: Named, portal: Desk, by: Caller) -> dict[str, Any]:
    """Who relies on a model and who was seen calling it, with where the two differ."""
    registered = portal.consumers.of(model.id, by=by)
    return {
        "model": model.name,
        "consumers": [_use(one) for one in uses(model, registered, portal.callers.of(model))],
    }


def _use(use: Use) -> dict[str, Any]:
    return {
        "application": use.application_id,
        "name": use.name,
        "registered": _consumer(use.consumer) if use.consumer else None,
        "observed": {
            "calls_30_days": use.caller.calls,
            "last_at": iso(use.caller.last_at),
            "last_version": use.caller.number,
        }
        if use.caller
        else None,
        "mismatch": use.mismatch,
        "detail": use.reason,
    }


def _consumer(one: Consumer) -> dict[str, Any]:
    return {
        "id": one.id,
        "application": one.application_id,
        "name": one.application,
        "alias": one.alias,
        "purpose": one.purpose,
        "contact": one.contact,
        "criticality": one.criticality.value,
        "registered_by": one.registered_by,
        "registered_at": iso(one.registered_at),
    }
