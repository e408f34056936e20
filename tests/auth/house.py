"""A house with a door: the real provider and Streamlit's real sign-in, served over HTTP."""

from __future__ import annotations

import base64
import hashlib
import html
import re
import secrets
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.routing import Mount
from streamlit.runtime.secrets import SecretsValue, secrets_singleton
from streamlit.web.server.starlette.starlette_auth_routes import create_auth_routes

from auth import provider
from auth.actors import EVERYTHING, Actor
from auth.authorization import CLIENT_ID
from auth.grants import Grants
from auth.keyring import Keyring
from auth.people import People, Person
from auth.permissions import Role
from auth.provider import Addresses
from auth.sessions import Sessions
from auth.sign_in import OneAddress, Origin, ReturnTo, SecurityHeaders, portal_policy
from ledger.acts import Ledger
from ledger.clock import Clock, SystemClock
from ledger.jobs import NoJobs
from ledger.journal import Journal
from ledger.store import Store

PASSWORD = "correct horse battery"
INLINE_SCRIPT = "window.prerenderReady = false"
_HIDDEN = re.compile(r'name="csrf" value="([^"]*)"')


@dataclass
class House:
    """The desks behind the door, and where the door is."""

    ledger: Ledger
    keyring: Keyring
    addresses: Addresses
    people: People
    sessions: Sessions

    def somebody(self, name: str, role: Role = Role.VIEWER) -> Person:
        """A person who can sign in with the password of this module."""
        system = Actor.system("demo")
        email = f"{name.split(maxsplit=1)[0].lower()}@norrland.example"
        person, code = self.people.add(name, email, by=system)
        self.people.accept_invitation(code, PASSWORD)
        Grants(self.ledger).give(person.id, role, EVERYTHING, by=system)
        return person

    def browser(self) -> httpx.Client:
        """A browser with an empty cookie jar that follows no redirect by itself."""
        return httpx.Client(base_url=self.addresses.public, trust_env=False, timeout=20)


@dataclass(frozen=True)
class Asked:
    """An authorization request as the portal sends it, and the secret half of its PKCE pair."""

    verifier: str
    query: dict[str, str]

    def without(self, *names: str) -> dict[str, str]:
        return {name: value for name, value in self.query.items() if name not in names}


def ask(house: House) -> Asked:
    """A question by somebody who does it right."""
    verifier = secrets.token_urlsafe(48)
    digest = hashlib.sha256(verifier.encode()).digest()
    return Asked(
        verifier,
        {
            "response_type": "code",
            "client_id": CLIENT_ID,
            "redirect_uri": house.addresses.callback,
            "scope": "openid email profile",
            "state": secrets.token_urlsafe(12),
            "nonce": secrets.token_urlsafe(12),
            "code_challenge": base64.urlsafe_b64encode(digest).decode().rstrip("="),
            "code_challenge_method": "S256",
        },
    )


def fill_in(
    browser: httpx.Client, address: str, query: dict[str, str] | None = None, **fields: str
) -> httpx.Response:
    """Open a form and send it, as a browser would."""
    shown = browser.get(address, params=query)
    assert shown.status_code == 200, shown.text
    return send(browser, shown, **fields)


def send(browser: httpx.Client, shown: httpx.Response, **fields: str) -> httpx.Response:
    """Send a form that is on the screen; a field given here overrides the form's own."""
    hidden = _HIDDEN.search(shown.text)
    assert hidden is not None, shown.text
    action = re.search(r'action="([^"]*)"', shown.text)
    assert action is not None
    form = {"csrf": html.unescape(hidden[1])} | fields
    return browser.post(html.unescape(action[1]), data=form)


def code_in(response: httpx.Response) -> str:
    """The code on its way back to the portal."""
    assert response.status_code == 302, response.text
    return parse_qs(urlsplit(response.headers["location"]).query)["code"][0]


def redeem(house: House, browser: httpx.Client, code: str, verifier: str) -> httpx.Response:
    """What the portal does with a code."""
    return browser.post(
        "/idp/token",
        data={
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": house.addresses.callback,
            "code_verifier": verifier,
        },
        auth=(CLIENT_ID, house.keyring.client_secret),
    )


@contextmanager
def open_house(store: Store, keyring: Keyring, *, clock: Clock | None = None) -> Iterator[House]:
    """The house over a database, open until the block ends."""
    ledger = Ledger(store, clock or SystemClock(), Journal(NoJobs()))
    with socket.create_server(("127.0.0.1", 0)) as door:
        address = f"http://127.0.0.1:{door.getsockname()[1]}"
        house = House(
            ledger,
            keyring,
            Addresses(address, address),
            People(ledger),
            Sessions(ledger),
        )
        secrets_singleton.merge_programmatic_secrets({"auth": _streamlit_secrets(house)})
        server = uvicorn.Server(
            uvicorn.Config(_app(house), log_level="warning", access_log=False, lifespan="off")
        )
        thread = threading.Thread(target=server.run, kwargs={"sockets": [door]})
        thread.start()
        try:
            yield house
        finally:
            server.should_exit = True
            thread.join(20)
            secrets_singleton.merge_programmatic_secrets({})
            secrets_singleton._reset()


def _streamlit_secrets(house: House) -> dict[str, SecretsValue]:
    return {
        "redirect_uri": house.addresses.callback,
        "cookie_secret": house.keyring.cookie_secret,
        "local": {
            "client_id": CLIENT_ID,
            "client_secret": house.keyring.client_secret,
            "server_metadata_url": house.addresses.own_discovery,
            "client_kwargs": {"prompt": "login", "trust_env": False},
        },
    }


def _app(house: House) -> Starlette:
    origin = Origin(house.addresses.public)
    secret = house.keyring.cookie_secret
    return Starlette(
        routes=[
            Mount(
                "/idp",
                provider.create(
                    ledger=house.ledger,
                    people=house.people,
                    sessions=house.sessions,
                    keyring=house.keyring,
                    addresses=house.addresses,
                    frame=lambda title, body: f"<title>{title}</title><style>p{{}}</style>{body}",
                ),
            ),
            *create_auth_routes(""),
        ],
        middleware=[
            Middleware(SecurityHeaders, policy=portal_policy((INLINE_SCRIPT,)), secure=False),
            Middleware(OneAddress, origin=origin),
            Middleware(ReturnTo, origin=origin, secret=secret, secure=False),
            Middleware(SessionMiddleware, secret_key=secret),
        ],
    )
