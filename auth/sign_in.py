"""The door frame of the whole portal: security headers, and the way back after signing in."""

from __future__ import annotations

import base64
import hashlib
import html
from collections.abc import Mapping
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Final
from urllib.parse import urlsplit

from itsdangerous import BadSignature, TimestampSigner
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_RETURN_COOKIE: Final = "countersign-return-to"
_RETURN_LASTS: Final = 1_800  # seconds between the click on "Sign in" and the password
_LONGEST_RETURN: Final = 2_000
_LOGIN: Final = "/auth/login"
_CALLBACK: Final = "/oauth2callback"
# Never a place to come back to: they belong to signing in itself.
_NOT_PAGES: Final = ("/auth/", "/idp", "/api/", "/_stcore", _CALLBACK)
# Streamlit's own figures and its interface for programs: both would answer anybody.
_CLOSED: Final = ("/_stcore/metrics", "/_stcore/agent")


def sha256_source(content: str) -> str:
    """How a Content-Security-Policy names one inline script or style."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"


def portal_policy(inline_scripts: tuple[str, ...]) -> str:
    """The Content-Security-Policy of the screens; inline scripts run only if they are these."""
    scripts = " ".join(sha256_source(script) for script in inline_scripts)
    return "; ".join(
        (
            "default-src 'self'",
            f"script-src 'self' 'wasm-unsafe-eval' {scripts}".rstrip(),
            # Streamlit writes styles while it draws.
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "font-src 'self' data:",
            "connect-src 'self'",
            "worker-src 'self' blob:",
            "frame-src 'self' blob: data:",
            "frame-ancestors 'self'",
            "base-uri 'self'",
            "object-src 'none'",
            "form-action 'self'",
        )
    )


class SecurityHeaders:
    """Puts the headers on every answer, Secure on every cookie, and keeps closed doors closed."""

    def __init__(self, app: ASGIApp, *, policy: str, secure: bool) -> None:
        self._app = app
        self._secure = secure
        self._headers = {
            "Content-Security-Policy": policy,
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "SAMEORIGIN",
            # Not "no-referrer": after signing in people come back by it.
            "Referrer-Policy": "same-origin",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
        }
        if secure:
            self._headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
                if self._secure:
                    _secure_cookies(message)
            await send(message)

        if any(closed in scope["path"] for closed in _CLOSED):
            answer = PlainTextResponse("There is no such page.", 404)
            await answer(scope, receive, send_with_headers)
            return
        await self._app(scope, receive, send_with_headers)


@dataclass(frozen=True)
class Origin:
    """The one address under which people come, as the operator set it."""

    url: str

    @property
    def host(self) -> str:
        """Host and port, as a browser writes them into Host: without the usual port."""
        parts = urlsplit(self.url)
        return parts.netloc.lower().removesuffix({"https": ":443"}.get(parts.scheme, ":80"))

    def path_of(self, address: str) -> str | None:
        """Path and query of an address of ours that a person can come back to, else None.

        >>> Origin("https://a.example").path_of("https://a.example/model?name=x")
        '/model?name=x'
        >>> Origin("https://a.example").path_of("https://evil.example/model")
        """
        try:
            parts = urlsplit(address)
        except ValueError:
            return None
        if parts.scheme != urlsplit(self.url).scheme or Origin(address).host != self.host:
            return None
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        return path if is_local_path(path) else None


def is_local_path(path: str) -> bool:
    """Whether a browser that is sent there stays here, on a screen."""
    # "//evil.example" and "/\\evil.example" name another host; browsers drop tabs and line breaks.
    return (
        path.startswith("/")
        and not path.startswith(("//", "/\\"))
        and path.isprintable()
        and path.isascii()
        and len(path) <= _LONGEST_RETURN
        and not path.startswith(_NOT_PAGES)
    )


class ReturnTo:
    """Brings people back to the screen they asked for before they had to sign in.

    Streamlit always returns to the start page. So the address of the screen is kept, signed, from
    the click on "Sign in" to the callback, whose redirect is then written anew.
    """

    def __init__(self, app: ASGIApp, *, origin: Origin, secret: str, secure: bool) -> None:
        self._app = app
        self._origin = origin
        self._signer = TimestampSigner(secret, salt="countersign.return-to")
        self._flags = "; Secure" if secure else ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http" or scope["path"] not in {_LOGIN, _CALLBACK}:
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if scope["path"] == _LOGIN:
            target = self._origin.path_of(headers.get("referer", ""))
        elif not scope["query_string"]:
            # Somebody who signed out comes by here; there is no code to exchange.
            await RedirectResponse("/", 303)(scope, receive, send)
            return
        else:
            target = self._remembered(headers)

        async def send_rewritten(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer = MutableHeaders(scope=message)
                if scope["path"] == _LOGIN:
                    answer.append("set-cookie", self._cookie(target))
                else:
                    answer.append("set-cookie", self._cookie(None))
                    if target and answer.get("location") == "/":
                        answer["location"] = target
            await send(message)

        await self._app(scope, receive, send_rewritten)

    def _cookie(self, target: str | None) -> str:
        value = self._signer.sign(target).decode("ascii") if target else ""
        lasts = _RETURN_LASTS if target else 0
        encoded = base64.urlsafe_b64encode(value.encode()).decode("ascii")
        return (
            f"{_RETURN_COOKIE}={encoded}; Path={_CALLBACK}; Max-Age={lasts}; "
            f"HttpOnly; SameSite=Lax{self._flags}"
        )

    def _remembered(self, headers: Mapping[str, str]) -> str | None:
        try:
            cookie = SimpleCookie(headers.get("cookie", "")).get(_RETURN_COOKIE)
            signed = base64.urlsafe_b64decode(cookie.value if cookie else "")
            target = self._signer.unsign(signed, max_age=_RETURN_LASTS).decode("ascii")
        except (BadSignature, CookieError, ValueError):
            return None
        return target if is_local_path(target) else None


class OneAddress:
    """Sends browsers that came by another name of this machine to the one where sign-in works.

    Sign-in is bound to one origin: a cookie set at `localhost` is unknown at `127.0.0.1`.
    """

    def __init__(self, app: ASGIApp, *, origin: Origin) -> None:
        self._app = app
        self._origin = origin

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] == "http" and scope["method"] == "GET":
            headers = Headers(scope=scope)
            host = headers.get("host", "").lower()
            is_a_person = headers.get("sec-fetch-mode") == "navigate"
            if is_a_person and host != self._origin.host:
                await self._elsewhere(scope, host)(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _elsewhere(self, scope: Scope, host: str) -> RedirectResponse | HTMLResponse:
        asked, ours = urlsplit(f"//{host}").hostname, urlsplit(self._origin.url).hostname
        if asked in _LOOPBACK and ours in _LOOPBACK:
            path = scope["path"] if is_local_path(scope["path"]) else "/"
            query = scope["query_string"].decode("latin-1")
            return RedirectResponse(f"{self._origin.url}{path}{'?' if query else ''}{query}", 307)
        address = html.escape(self._origin.url)
        return HTMLResponse(
            "<!doctype html><html lang=en><title>Countersign</title><h1>Not at this address</h1>"
            f'<p>Countersign answers at <a href="{address}">{address}</a>. '
            "If that is not where you should go, ask the operator to set PUBLIC_URL.</p>",
            421,
        )


def _secure_cookies(message: Message) -> None:
    message["headers"] = [
        (name, value + b"; Secure")
        if name.lower() == b"set-cookie" and b"; secure" not in value.lower()
        else (name, value)
        for name, value in message["headers"]
    ]
