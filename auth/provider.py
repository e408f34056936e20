"""The embedded OpenID provider: people without a corporate sign-in come in through these pages."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, ParamSpec, TypeVar
from urllib.parse import parse_qsl, urlsplit

from anyio import CapacityLimiter, to_thread
from authlib.oauth2 import OAuth2Error
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from auth import provider_pages as pages
from auth.authorization import SCOPES, SIGNATURE, Authorization, PortalClient, Question
from auth.codes import Codes, SignedIn
from auth.form_seal import FormSeal
from auth.keyring import Keyring
from auth.people import People
from auth.provider_pages import Form, Frame
from auth.sessions import Sessions
from auth.sign_in import sha256_source
from ledger.acts import Ledger
from ledger.errors import CountersignError, Invalid, NotFound, Unavailable
from ledger.ids import new_id

_log = logging.getLogger(__name__)

# A password check takes a core for some 70 ms: strangers must not be able to queue up for ever.
_AT_ONCE: Final = 8
_WAITING: Final = 64
_LONGEST_FORM: Final = 16_384
_STYLES: Final = re.compile(r"<style>(.*?)</style>", re.DOTALL)

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True)
class Addresses:
    """Where the provider is, for browsers and for the portal's own process.

    Attributes:
        public: the portal's address as browsers see it, such as `https://countersign.example.com`.
        local: the address under which the portal reaches itself.
    """

    public: str
    local: str

    @property
    def issuer(self) -> str:
        """The provider's name in every ID token; from the settings, never from a request."""
        return f"{self.public}/idp"

    @property
    def callback(self) -> str:
        """Where Streamlit receives codes, and people who signed out."""
        return f"{self.public}/oauth2callback"

    @property
    def own_discovery(self) -> str:
        """The discovery document for the portal itself, which need not leave the machine."""
        return f"{self.local}/idp/portal/.well-known/openid-configuration"

    @property
    def is_secure(self) -> bool:
        """Whether browsers come by HTTPS."""
        return urlsplit(self.public).scheme == "https"


def create(
    *,
    ledger: Ledger,
    people: People,
    sessions: Sessions,
    keyring: Keyring,
    addresses: Addresses,
    frame: Frame,
) -> Starlette:
    """The provider, to be mounted at `/idp`."""
    law = Authorization(
        issuer=addresses.issuer,
        client=PortalClient(
            addresses.callback,
            (addresses.callback, f"{addresses.public}/"),
            keyring.client_secret,
        ),
        keyring=keyring,
        people=people,
        sessions=sessions,
        codes=Codes(ledger),
        clock=ledger.clock,
    )
    provider = _Provider(law, addresses, frame)
    return Starlette(
        routes=[
            Route("/.well-known/openid-configuration", provider.discovery),
            Route("/portal/.well-known/openid-configuration", provider.own_discovery),
            Route("/jwks", provider.keys),
            Route("/authorize", provider.authorize, methods=["GET", "POST"]),
            Route("/token", provider.token, methods=["POST"]),
            Route("/end_session", provider.end_session, methods=["GET", "POST"]),
            Route("/set-up", provider.set_up, methods=["GET", "POST"]),
            Route("/invitation", provider.invitation, methods=["GET", "POST"]),
        ],
        exception_handlers={
            404: provider.nothing_here,
            CountersignError: provider.refused,
            Exception: provider.broken,
        },
    )


class _Provider:
    def __init__(self, law: Authorization, addresses: Addresses, frame: Frame) -> None:
        self._law = law
        self._addresses = addresses
        self._frame = frame
        self._limiter = CapacityLimiter(_AT_ONCE)
        self._seal = FormSeal(law.keyring.cookie_secret, secure=addresses.is_secure)

    # -- what programs ask ---------------------------------------------------------------------

    async def discovery(self, _request: Request) -> Response:
        return JSONResponse(self._metadata(self._addresses.issuer))

    async def own_discovery(self, _request: Request) -> Response:
        return JSONResponse(self._metadata(f"{self._addresses.local}/idp"))

    async def keys(self, _request: Request) -> Response:
        return JSONResponse(self._law.keyring.public_keys().as_dict(private=False))

    async def token(self, request: Request) -> Response:
        question = Question("POST", await _fields(request), request.headers)
        response: Response = await self._in_thread(self._law.create_token_response, question)
        return response

    # -- what people see -----------------------------------------------------------------------

    async def authorize(self, request: Request) -> Response:
        fields = parse_qsl(request.url.query, keep_blank_values=True)
        question = Question(request.method, fields, request.headers)
        try:
            grant = self._law.get_consent_grant(question, end_user=None)
        except OAuth2Error as error:
            if error.redirect_uri:
                response: Response = self._law.handle_error_response(question, error)
                return response
            _log.info("Sign-in was asked for wrongly: %s", error)
            raise Invalid(
                "This sign-in link is not complete, or not from this portal.",
                hint="Go to Countersign and choose Sign in there.",
                code="sign-in-link",
            ) from error
        form = self._form(request, f"{self._addresses.issuer}/authorize?{request.url.query}")
        if request.method == "GET":
            return self._page(request, pages.sign_in(self._frame, form))
        given = dict(await _fields(request))
        form = replace(form, email=given.get("email", ""))
        try:
            self._seal.check(request, given)
            signed_in = await self._in_thread(self._sign_in, form.email, given.get("password", ""))
        except CountersignError as error:
            return self._again(request, pages.sign_in, form, error)
        answer: Response = await self._in_thread(
            self._law.create_authorization_response, question, signed_in, grant
        )
        return answer

    async def end_session(self, request: Request) -> Response:
        fields = (
            await _fields(request)
            if request.method == "POST"
            else parse_qsl(request.url.query, keep_blank_values=True)
        )
        question = Question(request.method, fields, request.headers)
        try:
            asked = self._law.validate_endpoint_request("end_session", question)
        except OAuth2Error as error:
            _log.info("Sign-out was asked for wrongly: %s", error)
        else:
            await self._in_thread(self._law.create_endpoint_response, "end_session", asked)
        return RedirectResponse(f"{self._addresses.public}/", 303)

    async def set_up(self, request: Request) -> Response:
        def create(given: dict[str, str]) -> None:
            password = _same_twice(given)
            self._law.people.set_up(given["code"], given["name"], given["email"], password)

        said = "You are its first governance admin."
        return await self._with_code(
            request, "set-up", pages.set_up, create, "Countersign is set up", said
        )

    async def invitation(self, request: Request) -> Response:
        def accept(given: dict[str, str]) -> None:
            self._law.people.accept_invitation(given["code"], _same_twice(given))

        said = "The invitation cannot be used again."
        return await self._with_code(
            request, "invitation", pages.invitation, accept, "Your password is set", said
        )

    async def nothing_here(self, _request: Request, _error: Exception) -> Response:
        problem = NotFound("There is no such page.", hint="Go to Countersign and choose Sign in.")
        return self._html(pages.problem(self._frame, problem), problem.status)

    async def refused(self, _request: Request, error: Exception) -> Response:
        problem = error if isinstance(error, CountersignError) else _broken(error)
        return self._html(pages.problem(self._frame, problem), problem.status)

    async def broken(self, _request: Request, error: Exception) -> Response:
        problem = _broken(error)
        return self._html(pages.problem(self._frame, problem), problem.status)

    # -- how ---------------------------------------------------------------------------------

    async def _with_code(
        self,
        request: Request,
        name: str,
        page: Callable[[Frame, Form], str],
        act: Callable[[dict[str, str]], None],
        *done: str,
    ) -> Response:
        form = self._form(request, f"{self._addresses.issuer}/{name}")
        if request.method == "GET":
            form = replace(form, code=request.query_params.get("code", "")[:100])
            return self._page(request, page(self._frame, form))
        given = dict.fromkeys(("code", "name", "email"), "") | dict(await _fields(request))
        form = replace(form, code=given["code"], name=given["name"], email=given["email"])
        try:
            self._seal.check(request, given)
            await self._in_thread(act, given)
        except CountersignError as error:
            return self._again(request, page, form, error)
        return self._html(pages.done(self._frame, *done))

    def _sign_in(self, email: str, password: str) -> SignedIn:
        person = self._law.people.check_password(email, password)
        session_id = self._law.sessions.start(person)
        return SignedIn(person.id, session_id, self._law.clock.now())

    def _form(self, request: Request, action: str) -> Form:
        # The action is a path: the form goes to where it came from.
        parts = urlsplit(action)
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        return Form(path, self._seal.field(request))

    def _again(
        self,
        request: Request,
        page: Callable[[Frame, Form], str],
        form: Form,
        error: CountersignError,
    ) -> Response:
        return self._page(request, page(self._frame, replace(form, problem=error)), error.status)

    def _page(self, request: Request, page: str, status: int = 200) -> Response:
        response = self._html(page, status)
        self._seal.set_cookie(request, response)
        return response

    @staticmethod
    def _html(page: str, status: int = 200) -> Response:
        styles = " ".join(sha256_source(style) for style in _STYLES.findall(page))
        policy = (
            f"default-src 'none'; style-src 'self' {styles}; img-src 'self' data:; "
            "font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        )
        return HTMLResponse(
            page,
            status,
            headers={
                "Cache-Control": "no-store",
                "Content-Security-Policy": policy,
                "X-Frame-Options": "DENY",
            },
        )

    async def _in_thread(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        if self._limiter.statistics().tasks_waiting >= _WAITING:
            raise Unavailable(
                "Too many people are signing in at this moment.",
                hint="Try again in a minute.",
                code="sign-in-busy",
            )
        return await to_thread.run_sync(lambda: work(*args, **kwargs), limiter=self._limiter)

    def _metadata(self, back_channel: str) -> dict[str, object]:
        issuer = self._addresses.issuer
        return {
            "issuer": issuer,
            "authorization_endpoint": f"{issuer}/authorize",
            "token_endpoint": f"{back_channel}/token",
            "jwks_uri": f"{back_channel}/jwks",
            "end_session_endpoint": f"{issuer}/end_session",
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": ["authorization_code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": [SIGNATURE],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
            "code_challenge_methods_supported": ["S256"],
            "scopes_supported": list(SCOPES),
            "claims_supported": ["sub", "sid", "name", "email", "auth_time", "amr"],
        }


async def _fields(request: Request) -> list[tuple[str, str]]:
    """The fields of a sent form. Raises Invalid when it is none, or far too long."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    received = b""
    async for chunk in request.stream():
        received += chunk
        if len(received) > _LONGEST_FORM or kind != "application/x-www-form-urlencoded":
            raise Invalid("That is not a form of this page.", hint="Fill in the form and send it.")
    # PostgreSQL cannot keep a zero byte, and no name has one.
    return [
        (name, value.replace("\x00", ""))
        for name, value in parse_qsl(
            received.decode("utf-8", errors="replace"), keep_blank_values=True, errors="replace"
        )
    ]


def _same_twice(given: dict[str, str]) -> str:
    if given.get("password", "") != given.get("again", ""):
        raise Invalid(
            "The two passwords are not the same.",
            hint="Type the same one into both fields.",
            code="passwords-differ",
        )
    return given.get("password", "")


def _broken(error: Exception) -> CountersignError:
    incident = new_id("inc")
    _log.error("Incident %s in the sign-in pages", incident, exc_info=error)
    return CountersignError(
        f"Something broke on our side. Incident {incident}.",
        hint="Try again; if it stays, give the operator this number.",
    )
