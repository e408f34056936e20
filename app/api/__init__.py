"""The REST API: each route parses, calls one verb, and answers."""

from __future__ import annotations

import logging
import secrets
from typing import Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api import (
    access_requests,
    audit,
    cards,
    changes,
    comparisons,
    consumers,
    discussion,
    evidence,
    findings,
    gates,
    inventory,
    models,
    policies,
    predictions,
    release_requests,
    use_cases,
    webhooks,
)
from app.api.caller import actor_of, portal_of
from app.portal import Portal
from auth.access import Hidden
from auth.actors import NOBODY, Actor
from ledger.errors import CountersignError, Invalid, NotFound, Refused, Unauthenticated

_LOG = logging.getLogger(__name__)
LARGEST_BODY_BYTES: Final = 5 * 1024 * 1024


def create_api(portal: Portal) -> FastAPI:
    """The API over a portal, to be mounted at `/api/v1`."""
    api = FastAPI(
        title="Countersign",
        version="1",
        description="Find models, ask for releases, decide them, report predictions.",
        openapi_url="/openapi.json",
        docs_url=None,
        redoc_url=None,
    )
    api.state.portal = portal
    for router in (
        models.router,
        cards.router,
        discussion.router,
        comparisons.router,
        use_cases.router,
        inventory.router,
        changes.router,
        consumers.router,
        access_requests.router,
        gates.router,
        release_requests.router,
        findings.router,
        policies.router,
        evidence.router,
        predictions.router,
        audit.router,
        webhooks.router,
    ):
        api.include_router(router)

    api.add_middleware(_SmallBodies)

    @api.exception_handler(CountersignError)
    def _refusal(request: Request, error: CountersignError) -> JSONResponse:
        return _answer(_recorded(request, error), error.status)

    @api.exception_handler(RequestValidationError)
    def _malformed(_request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        return _answer(
            Invalid(
                f"The request is wrong at {where}: {first['msg']}.",
                hint="The shapes are described at /api/v1/openapi.json.",
                code="malformed",
            ),
            422,
        )

    @api.exception_handler(HTTPException)
    def _routing(_request: Request, error: HTTPException) -> JSONResponse:
        return _answer(
            NotFound(
                f"{error.detail}.",
                hint="The routes are listed at /api/v1/openapi.json.",
                code="no-such-route",
            ),
            error.status_code,
        )

    @api.exception_handler(Exception)
    def _fault(request: Request, error: Exception) -> JSONResponse:
        incident = secrets.token_hex(4)
        _LOG.error("incident %s at %s", incident, request.url.path, exc_info=error)
        return _answer(
            CountersignError(
                f"Something broke on our side, incident {incident}.",
                hint="Tell the operator the incident number.",
                code="fault",
            ),
            500,
        )

    return api


class _SmallBodies:
    """Reads a body to its end before anybody else does, and no further than the limit.

    A body that does not say how long it is (chunked) is counted while it comes. Documents may be
    larger; their route reads them itself, once it is known who sends them.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].endswith(evidence.DOCUMENTS):
            await self._app(scope, receive, send)
            return
        announced = Headers(scope=scope).get("content-length", "0")
        body: bytes | None = None
        if announced.isdecimal() and int(announced) <= LARGEST_BODY_BYTES:
            body = await _read(receive)
        if body is None:
            too_large = Invalid(
                "The body is larger than 5 MB.", hint="Send less at a time.", code="too-large"
            )
            await _answer(too_large, 413)(scope, receive, send)
            return
        waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def again() -> Message:
            return waiting.pop() if waiting else await receive()

        await self._app(scope, again, send)


async def _read(receive: Receive) -> bytes | None:
    """The whole body, or nothing when it exceeds the limit."""
    body = bytearray()
    more = True
    while more:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > LARGEST_BODY_BYTES:
            return None
        more = message.get("more_body", False)
    return bytes(body)


def _recorded(request: Request, error: CountersignError) -> CountersignError:
    """A refused look goes on record too; a refused verb is there already."""
    if isinstance(error, Refused | Unauthenticated | Hidden) and not error.is_recorded:
        route = request.scope.get("route")
        path = getattr(route, "path", "unknown")
        try:
            portal_of(request).ledger.refuse_look(
                f"api:{request.method.lower()}",
                actor=_who(request).id,
                resource=f"route:{path}",
                refusal=error,
            )
        except CountersignError as worse:
            return worse
    return error


def _who(request: Request) -> Actor:
    try:
        return actor_of(request)
    except CountersignError:
        return NOBODY


def _answer(error: CountersignError, status: int) -> JSONResponse:
    headers = {"WWW-Authenticate": "Bearer"} if status == Unauthenticated.status else None
    return JSONResponse(
        {"error": error.code, "detail": error.message, "hint": error.hint}, status, headers
    )
