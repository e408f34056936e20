"""Who calls the API: the actor behind the bearer token, asked anew for each request."""

from __future__ import annotations

from typing import Annotated, cast

from fastapi import Depends, Request

from app.portal import Portal
from auth.actors import Actor
from ledger.errors import Unauthenticated


def portal_of(request: Request) -> Portal:
    """The portal this API was made over."""
    return cast("Portal", request.app.state.portal)


def actor_of(request: Request) -> Actor:
    """The caller. Raises Unauthenticated without a valid bearer token."""
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not secret.strip():
        raise Unauthenticated(
            "This call carries no bearer token.",
            hint="Make a token on the Access page and send it as `Authorization: Bearer csn_…`.",
            code="no-token",
        )
    return portal_of(request).tokens.who_is(secret.strip())


async def _desk(request: Request) -> Portal:
    # FastAPI gives what is not async to another thread, for longer than this takes.
    return portal_of(request)


Caller = Annotated[Actor, Depends(actor_of)]
Desk = Annotated[Portal, Depends(_desk)]
