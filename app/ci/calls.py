"""Calling the portal: with a token that goes nowhere else and is never shown."""

from __future__ import annotations

import ipaddress
import json
import os
import re
import ssl
import sys
from collections.abc import Callable, Mapping, Sequence
from http.client import HTTPException, HTTPMessage, HTTPResponse
from pathlib import Path
from typing import IO, Any, Final, TypeVar
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from app.ci.words import shown
from ledger.errors import (
    Conflict,
    CountersignError,
    Invalid,
    Misconfigured,
    NotFound,
    Refused,
    TooMany,
    Unauthenticated,
    Unavailable,
)

URL: Final = "COUNTERSIGN_URL"
TOKEN: Final = "COUNTERSIGN_TOKEN"  # noqa: S105 - the name of a variable
TIMEOUT_SECONDS: Final = 30.0
_API: Final = "/api/v1"
_LARGEST_ANSWER: Final = 5 * 1024 * 1024
_LARGEST_TOKEN_FILE: Final = 4096
_VISIBLE: Final = re.compile(r"[\x21-\x7e]+")
_MAKE_ONE: Final = (
    "Make a token on the Access page and keep it as a secret of the pipeline: "
    f"in {TOKEN}, or in a file named by --token-file."
)
_FAMILY: Final[Mapping[int, type[CountersignError]]] = {
    one.status: one
    for one in (Invalid, Unauthenticated, Refused, NotFound, Conflict, TooMany, Unavailable)
}

T = TypeVar("T")


def address_from(given: str, environment: Mapping[str, str]) -> str:
    """The portal's address. Raises Misconfigured."""
    address = (given or environment.get(URL, "")).strip()
    if not address:
        raise Misconfigured(
            "It is not said where the portal is.",
            hint=f"Set {URL} to its address, such as https://countersign.example.com, "
            "or give --server-url.",
            code="no-address",
        )
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
        host.encode("idna")
        usable = parts.scheme in {"http", "https"} and bool(host) and parts.port != 0
    except ValueError:
        usable = False
    else:
        usable = usable and parts.username is None and not parts.query and not parts.fragment
        usable = usable and _VISIBLE.fullmatch(address) is not None
    if not usable:
        raise Misconfigured(
            "The portal's address is no web address.",
            hint="Write it like https://countersign.example.com, without a name or a password.",
            code="bad-address",
        )
    return address.rstrip("/").removesuffix(_API).rstrip("/")


def token_from(file: str, environment: Mapping[str, str]) -> str:
    """The bearer token: from the file where one is named, else from the environment.

    Raises Misconfigured. What it says never holds the token.
    """
    if file:
        try:
            with Path(file).open("rb") as opened:
                token = opened.read(_LARGEST_TOKEN_FILE).decode("ascii", "replace").strip()
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or "its name is none"
            raise Misconfigured(
                f"The token file {shown(file)} cannot be read: {why}.",
                hint=_MAKE_ONE,
                code="no-token",
            ) from None
        where = f"The token file {shown(file)}"
    else:
        token, where = environment.get(TOKEN, "").strip(), TOKEN
    if not token:
        told = f"{where} is empty." if file else "There is no token to call the portal with."
        raise Misconfigured(told, hint=_MAKE_ONE, code="no-token")
    if not _VISIBLE.fullmatch(token):
        raise Misconfigured(f"{where} holds no token.", hint=_MAKE_ONE, code="bad-token")
    return token


class Api:
    """The REST API of one portal, called with one token."""

    def __init__(
        self, address: str, token: str, *, timeout_seconds: float = TIMEOUT_SECONDS
    ) -> None:
        self.address = address
        self._token = token
        self._timeout = timeout_seconds
        self._opener = build_opener(_NoRedirect())

    def get(self, *path: str, **params: str | Sequence[str]) -> dict[str, Any]:
        """Ask for something. Raises what the portal refuses with, and Unavailable."""
        return self._call("GET", path, params, None, self._understood)

    def download(self, *path: str, largest_bytes: int) -> bytes:
        """A file, whole or not at all. Raises what the portal refuses with, and Unavailable."""

        def whole(answer: HTTPResponse) -> bytes:
            data = answer.read(largest_bytes + 1)
            is_whole = str(len(data)) == answer.headers.get("Content-Length")
            if not is_whole or answer.headers.get("Content-Disposition", "") == "":
                raise Unavailable(
                    f"{self.address} did not send the whole file, or sent something else.",
                    hint="Try again; if it stays, ask its operator what stands in front of it.",
                    code="not-whole",
                )
            return data

        return self._call("GET", path, {}, None, whole)

    def post(self, *path: str, body: Mapping[str, Any], **params: str) -> dict[str, Any]:
        """Ask for something to be done. Raises what the portal refuses with, and Unavailable."""
        return self._call("POST", path, params, json.dumps(body).encode(), self._understood)

    def send(self, *path: str, data: bytes, **params: str) -> dict[str, Any]:
        """Ask for a file to be taken. Raises what the portal refuses with, and Unavailable."""
        return self._call("POST", path, params, data, self._understood, "application/octet-stream")

    def _call(
        self,
        method: str,
        path: tuple[str, ...],
        params: Mapping[str, str | Sequence[str]],
        body: bytes | None,
        read: Callable[[HTTPResponse], T],
        media_type: str = "application/json",
    ) -> T:
        try:
            steps = "/".join(quote(step, safe="") for step in path)
            query = urlencode({name: value for name, value in params.items() if value}, doseq=True)
        except UnicodeEncodeError:
            raise Invalid("What was given is not in UTF-8.", code="not-utf-8") from None
        request = Request(  # noqa: S310 - http or https, checked by address_from
            f"{self.address}{_API}/{steps}{'?' if query else ''}{query}",
            data=body,
            headers={"Accept": "application/json", "Content-Type": media_type},
            method=method,
        )
        request.add_unredirected_header("Authorization", f"Bearer {self._token}")
        try:
            with self._opener.open(request, timeout=self._timeout) as answer:
                return read(answer)
        except HTTPError as error:
            with error:
                raise self._refusal(error) from None
        except (URLError, HTTPException, OSError) as error:
            raise self._away(error) from None

    def _understood(self, answer: IO[bytes]) -> dict[str, Any]:
        try:
            found = json.loads(answer.read(_LARGEST_ANSWER))
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise Unavailable(
                f"Something answers at {self.address}, but it is not the API of Countersign.",
                hint=f"{URL} is the address at which people open the portal.",
                code="not-countersign",
            )
        return found

    def _refusal(self, error: HTTPError) -> CountersignError:
        """What an answer that is no success says, in the portal's own words where it has any."""
        if 300 <= error.code < 400:  # noqa: PLR2004 - the redirects
            elsewhere = urlsplit(error.headers.get("Location", "")).hostname or "elsewhere"
            return Unavailable(
                f"{self.address} sends on to {shown(elsewhere[:200])}; the token was not sent "
                "there.",
                hint=f"If that is the portal, set {URL} to its address.",
                code="redirected",
            )
        try:
            told = self._understood(error)
            message, hint, code = (str(told[key]) for key in ("detail", "hint", "error"))
        except (CountersignError, KeyError, HTTPException, OSError):
            return Unavailable(
                f"{self.address} answered {error.code}, not in Countersign's words.",
                hint="If that is the portal's address, ask its operator what stands in front of "
                "it.",
                code="not-countersign",
            )
        family = _FAMILY.get(error.code, Unavailable)
        return family(self._discreet(message), hint=self._discreet(hint), code=code)

    def _discreet(self, text: str) -> str:
        """The words of a server, fit to be shown, without the token if they repeat it."""
        return shown(text.replace(self._token, "(token)"))

    def _away(self, error: Exception) -> Unavailable:
        reason = error.reason if isinstance(error, URLError) else error
        if isinstance(reason, ssl.SSLCertVerificationError):
            return Unavailable(
                f"The certificate of {self.address} cannot be trusted: "
                f"{shown(reason.verify_message)}.",
                hint="Set SSL_CERT_FILE to the file with your organisation's certificates.",
                code="untrusted",
            )
        if isinstance(reason, TimeoutError):
            why = f"no answer within {self._timeout:.0f} s"
        else:
            why = getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
        return Unavailable(
            f"The portal at {self.address} cannot be reached: {self._discreet(why)}.",
            hint="Try again later, or ask its operator whether this machine may reach it.",
            code="away",
        )


class _NoRedirect(HTTPRedirectHandler):
    """The API redirects nowhere, so a redirect is somebody else's and the token is not for them."""

    def redirect_request(
        self,
        req: Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> None:
        """Go nowhere; the answer is then refused like any other that is no success."""


def open_api(server_url: str, token_file: str) -> Api:
    """The API as the options and the environment of this process name it. Raises Misconfigured."""
    address = address_from(server_url, os.environ)
    token = token_from(token_file, os.environ)
    if address.startswith("http://") and not _is_near(urlsplit(address).hostname or ""):
        print(
            f"The token goes to {address} unencrypted. Give an address with https.",
            file=sys.stderr,
        )
    return Api(address, token)


def _is_near(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
