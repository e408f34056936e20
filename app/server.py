"""The portal as one program: screens, sign-in, API and health, on one port.

Importing this module reads the environment and opens the key folder: it is the program itself,
for `streamlit run app/server.py`, `uvicorn app.server:app` and `python -m countersign portal`.
"""

from __future__ import annotations

import gc
import importlib
import os
import pkgutil
import re
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import streamlit as st
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from app import migrate, ui
from app.api import create_api
from app.session import portal, show_failure
from app.settings import ROOT, Settings
from app.ui import theme
from app.ui.markup import Markup
from auth import provider
from auth.authorization import CLIENT_ID
from auth.keyring import open_keyring
from auth.provider import Addresses
from auth.sign_in import OneAddress, Origin, ReturnTo, SecurityHeaders, portal_policy
from ledger.clock import iso
from ledger.errors import CountersignError

# Everything a first click would otherwise wait for. Never mlflow or shap: pages need neither.
_HEAVY: Final = ("numpy", "pandas", "pyarrow", "plotly.io", "plotly.tools")
_EVERYWHERE: Final = frozenset({"0.0.0.0", "::", "localhost", ""})
_STREAMLIT: Final = Path(st.__file__).parent / "static"
_INLINE_SCRIPTS: Final = re.compile(r"<script>(.*?)</script>", re.DOTALL)

# Streamlit's client for sign-in speaks about a change that comes with its next library.
warnings.filterwarnings("ignore", category=DeprecationWarning, module="authlib")


def _where(settings: Settings) -> Addresses:
    host = "127.0.0.1" if settings.host in _EVERYWHERE else settings.host
    host = f"[{host}]" if ":" in host else host
    return Addresses(public=settings.public_url, local=f"http://{host}:{settings.port}")


def _streamlit_policy() -> str:
    page = (_STREAMLIT / "index.html").read_text(encoding="utf-8")
    return portal_policy(tuple(_INLINE_SCRIPTS.findall(page)))


@cache
def _serif() -> Markup:
    """Titles outside Streamlit in the serif face that Streamlit brings along."""
    found = next(iter(_STREAMLIT.glob("static/media/SourceSerif*Roman*.woff2")), None)
    if found is None:
        return Markup()
    source = f'url("/{found.relative_to(_STREAMLIT).as_posix()}")'
    face = f'font-family:"Source Serif";src:{source};font-weight:200 900;font-display:swap'
    return Markup(f"<style>@font-face{{{face}}}</style>")


def _frame(title: str, content: str) -> str:
    return theme.document(title, _serif(), Markup(content))


@asynccontextmanager
async def _open_house(_app: st.App) -> AsyncIterator[None]:
    kit = (f"app.ui.{found.name}" for found in pkgutil.iter_modules(ui.__path__))
    for name in (*_HEAVY, *kit):
        importlib.import_module(name)
    with suppress(CountersignError):
        if migrate.is_at_head(_portal.store):
            _portal.finder.warm()
    # What is loaded now stays: Streamlit collects garbage after every click, and without this
    # it would look through all of it each time (96 ms of CPU per click instead of 8).
    gc.collect()
    gc.freeze()
    yield
    portal().store.close()


async def _alive(_request: Request) -> Response:
    return JSONResponse({"status": "alive"})


def _ready(_request: Request) -> Response:
    """Whether people can work: the database answers and has the right shape."""
    try:
        portal().store.ping()
        if not migrate.is_at_head(portal().store):
            return JSONResponse(
                {"status": "not ready", "reason": "The database has not been migrated yet."}, 503
            )
    except CountersignError as error:
        return JSONResponse({"status": "not ready", "reason": error.message}, 503)
    return JSONResponse({"status": "ready", "mlflow": _mlflow()})


def _mlflow() -> list[dict[str, str | None]]:
    """How MLflow was when the mirror last looked: told, but reading goes on without it."""
    return [
        {
            "server": seen.server,
            "last_answered": iso(seen.succeeded_at) if seen.succeeded_at else None,
            "problem": seen.problem or None,
        }
        for seen in portal().models.mirrored()
    ]


_portal = portal()
_addresses = _where(_portal.settings)
_origin = Origin(_addresses.public)
_keyring = open_keyring(_portal.settings.data_dir / "keys")

app = st.App(
    ROOT / "app" / "main.py",
    secrets={
        "auth": {
            "redirect_uri": _addresses.callback,
            "cookie_secret": _keyring.cookie_secret,
            "local": {
                "client_id": CLIENT_ID,
                "client_secret": _keyring.client_secret,
                "server_metadata_url": _addresses.own_discovery,
                # The portal talks to itself: no proxy of the machine is asked.
                "client_kwargs": {"prompt": "login", "trust_env": False},
            },
        }
    },
    lifespan=_open_house,
    routes=[
        Route("/healthz", _alive),
        Route("/readyz", _ready),
        Mount("/api/v1", create_api(_portal)),
        Mount(
            "/idp",
            provider.create(
                ledger=_portal.ledger,
                people=_portal.people,
                sessions=_portal.sessions,
                keyring=_keyring,
                addresses=_addresses,
                frame=_frame,
            ),
        ),
    ],
    middleware=[
        Middleware(SecurityHeaders, policy=_streamlit_policy(), secure=_addresses.is_secure),
        Middleware(OneAddress, origin=_origin),
        Middleware(
            ReturnTo,
            origin=_origin,
            secret=_keyring.cookie_secret,
            secure=_addresses.is_secure,
        ),
    ],
    on_script_error=show_failure,
)


def serve(settings: Settings) -> None:
    """Answer until stopped. The settings are those of the environment this process started in."""
    # Streamlit looks for .streamlit/config.toml in the working folder only.
    os.chdir(ROOT)
    app.run(
        config={
            "server.address": settings.host,
            "server.port": settings.port,
            "server.headless": True,
            "server.allowedHosts": _names(settings),
        }
    )


def _names(settings: Settings) -> list[str]:
    """The names a browser may call this server by: another site's name pointing here is none."""
    names = {"127.0.0.1", "localhost", "::1", urlsplit(settings.public_url).hostname or ""}
    return sorted(names - {""})
