"""Where links lead: each screen by its key, and the address that names a model on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import quote, urlencode

from app.screens import PAGES
from app.session import portal
from app.settings import without_password
from catalog.registry.models import Model

_PATHS: Final = {screen.key: screen.path for screen in PAGES}
_USUAL_WORKSPACE: Final = "default"


def to(key: str) -> str:
    """The screen called so, as `st.page_link` and `st.switch_page` take it."""
    return _PATHS[key]


def address(key: str, where: Mapping[str, str]) -> str:
    """The screen called so as an address from any other screen, for a link in a table."""
    return f"{key}?{urlencode(where)}"


def of(model: Model, **more: str) -> dict[str, str]:
    """The parameters that name a model in an address; where it lies only if that is unusual."""
    where = named(model.server, model.workspace, model.name)
    return {**where, **{key: value for key, value in more.items() if value}}


def place(model: Model) -> str:
    """Where a model lies, in words, as soon as its name alone might mean another one too."""
    settings, told = portal().settings, []
    if settings.other_servers or model.server != settings.server_slug:
        told.append(f"server {model.server}")
    if model.workspace != _USUAL_WORKSPACE:
        told.append(f"workspace {model.workspace}")
    return ", ".join(told)


def named(server: str, workspace: str, name: str) -> dict[str, str]:
    """The parameters that name a model, for whoever knows no more than where it lies."""
    where = {}
    if server != portal().settings.server_slug:
        where["server"] = server
    if workspace != _USUAL_WORKSPACE:
        where["workspace"] = workspace
    return {"name": name, **where}


def run_in_mlflow(model: Model, run_id: str) -> str:
    """The address of a run in MLflow's own screens; empty where its server has none."""
    settings = portal().settings
    is_main = model.server == settings.server_slug
    uri = settings.mlflow_uri if is_main else settings.other_servers.get(model.server, "")
    address = without_password(uri).rstrip("/")
    return f"{address}/#/runs/{quote(run_id, safe='')}" if address.startswith("http") else ""
