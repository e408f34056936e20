"""Routes for model cards: read in four formats, publish the next revision, restore an older one."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from app.api.addressed import Named
from app.api.caller import Caller, Desk
from catalog.registry.cards.body import read, shaped
from catalog.registry.cards.cards import Card, Revision
from catalog.registry.cards.exports import FILES, Edition, Format, export
from catalog.registry.cards.facts import facts_of
from catalog.registry.cards.importing import Plan
from ledger.clock import iso

router = APIRouter(prefix="/models/{name}/card", tags=["model cards"])
_MOST: int = 2**31 - 1
_MOST_LEFT: Final = 200
_Number = Annotated[int | None, Query(ge=1, le=_MOST)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Publication(_Strict):
    """The words of the next revision, in CycloneDX's `modelCard` shape."""

    based_on: int = Field(ge=0, le=_MOST, description="The newest revision you know; 0 for none.")
    body: dict[str, Any]


class Restoration(_Strict):
    """An older revision to be published again."""

    revision: int = Field(ge=1, le=_MOST)
    based_on: int = Field(ge=1, le=_MOST)


@router.get("")
def card(
    model: Named,
    portal: Desk,
    format: Format = "json",  # noqa: A002 - the name in the address
    revision: _Number = None,
    version: _Number = None,
) -> Response:
    """The card, with what MLflow knows of a version (the live one, unless another is asked for)."""
    found = portal.cards.revision(model, revision) if revision else portal.cards.of(model)
    edition = Edition.none() if found is None else found.edition(_author(portal, found))
    facts = facts_of(portal.models, model, version)
    written = export(format, edition, facts, at=portal.clock.now())
    return Response(written, media_type=FILES[format].media_type)


@router.get("/revisions")
def revisions(
    model: Named,
    portal: Desk,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
) -> dict[str, Any]:
    """The revisions of the card, newest first."""
    found = portal.cards.revisions(model, limit=limit, offset=offset)
    return {"revisions": [_told(one) for one in found]}


@router.post("", status_code=201)
def publish(
    model: Named,
    wanted: Publication,
    portal: Desk,
    by: Caller,
) -> dict[str, Any]:
    """Publish the next revision; refused when somebody else published one since `based_on`."""
    made = portal.cards.publish(model.id, read(wanted.body), based_on=wanted.based_on, by=by)
    return _published(made)


@router.post("/restoration", status_code=201)
def restore(
    model: Named,
    wanted: Restoration,
    portal: Desk,
    by: Caller,
) -> dict[str, Any]:
    """Publish an older revision again, as the newest."""
    made = portal.cards.restore(model.id, wanted.revision, based_on=wanted.based_on, by=by)
    return _published(made)


async def _body(request: Request) -> bytes:
    return await request.body()


@router.post("/import")
def bring(
    model: Named,
    data: Annotated[bytes, Depends(_body)],
    portal: Desk,
    by: Caller,
    *,
    dry_run: Annotated[bool, Query()] = True,
    based_on: Annotated[int | None, Query(ge=0, le=_MOST)] = None,
) -> dict[str, Any]:
    """Bring a card as a file, sent as the body; unless told otherwise, only try it.

    A Hugging Face README.md, a CycloneDX file, or our own export. What it does not say stays.
    """
    plan = portal.card_import.dry_run(model, data, by=by, based_on=based_on)
    told = _plan(plan, dry_run=dry_run)
    if not dry_run:
        made = portal.card_import.run(model, data, based_on=plan.based_on, by=by)
        told["published"] = _published(made)
    return told


def _plan(plan: Plan, *, dry_run: bool) -> dict[str, Any]:
    return {
        "dry_run": dry_run,
        "kind": plan.kind,
        "digest": f"sha256:{plan.digest}",
        "based_on": plan.based_on,
        "completeness": {"before": plan.completeness_before, "after": plan.completeness_after},
        "changes": [asdict(one) for one in plan.changes],
        "problems": [asdict(one) for one in plan.faults],
        "not_taken": [asdict(one) for one in plan.left[:_MOST_LEFT]],
        "not_taken_total": len(plan.left),
        "body": shaped(plan.body),
    }


def _author(portal: Desk, found: Card) -> str:
    return portal.people.names({found.published_by}).get(found.published_by, "")


def _told(one: Revision) -> dict[str, Any]:
    return {
        "revision": one.number,
        "digest": f"sha256:{one.digest}",
        "completeness": one.completeness,
        "published_by": one.published_by,
        "published_at": iso(one.published_at),
        "restored_from": one.restored_from,
    }


def _published(made: Card) -> dict[str, Any]:
    return {
        "revision": made.revision,
        "digest": f"sha256:{made.digest}",
        "completeness": made.completeness,
        "missing": [{"field": one.key, "write": one.missing} for one in made.told.missing],
    }
