"""Where links lead: each screen by its key, and the address that names a model on it."""

from __future__ import annotations

from typing import Final

from app.screens import PAGES
from app.session import portal
from catalog.registry.models import Model

_PATHS: Final = {screen.key: screen.path for screen in PAGES}
_USUAL_WORKSPACE: Final = "default"


def to(key: str) -> str:
    """The screen called so, as `st.page_link` and `st.switch_page` take it."""
    return _PATHS[key]


def of(model: Model, **more: str) -> dict[str, str]:
    """The parameters that name a model in an address; where it lies only if that is unusual."""
    where = {}
    if model.server != portal().settings.server_slug:
        where["server"] = model.server
    if model.workspace != _USUAL_WORKSPACE:
        where["workspace"] = model.workspace
    return {"name": model.name, **where, **{key: value for key, value in more.items() if value}}
