"""A link to another screen in one line, with words that cannot act as markup."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from app.panels import ways
from app.ui.markup import label
from catalog.registry.models import Model
from catalog.registry.named import Named


def link(
    said: str,
    key: str,
    *,
    model: Model | None = None,
    icon: str = ":material/arrow_forward:",
    **query: str | int | None,
) -> None:
    """A link to the screen called so, about a model where one is given."""
    more = {name: str(value) for name, value in query.items() if value not in {"", None}}
    st.page_link(
        ways.to(key),
        label=label(said),
        icon=icon,
        query_params=ways.of(model, **more) if model else more,
    )


def model_link(said: str, model: Named, place: Mapping[str, str] | None = None) -> None:
    """A link to the page of a model of which no more is known than where it lies.

    `place` is where on that page: a tab, a version.
    """
    st.page_link(
        ways.to("model"),
        label=label(said),
        icon=":material/deployed_code:",
        query_params={**ways.named(model.server, model.workspace, model.name), **(place or {})},
    )
