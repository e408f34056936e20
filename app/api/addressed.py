"""The model that the address of a call names, among those the caller may see."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends

from app.api.caller import Caller, Desk
from catalog.registry.models import Model


def _named(name: str, portal: Desk, by: Caller, server: str = "", workspace: str = "") -> Model:
    return portal.models.find(name, by=by, server=server, workspace=workspace)


Named = Annotated[Model, Depends(_named)]
