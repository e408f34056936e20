"""The tabs of Settings, and the first of them: which MLflow servers are read, and how that goes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

import streamlit as st

from app.panels import inventory, keeping, naming_rules, sources, webhook
from app.session import portal
from app.ui import chips, page, tables, words
from app.ui.feedback import empty
from app.ui.markup import Markup, mono, note, paragraph, show
from app.ui.tables import Column, Row
from auth.actors import Actor
from catalog.registry.mirror.state import MirrorState


def servers(by: Actor) -> None:
    """Each MLflow server: whether it answers, how old our copy is, and what was wrong."""
    here = portal()
    states, now = here.models.mirrored(), here.clock.now()
    with page.card("servers"):
        show(page.section("MLflow servers", words.plural(len(states), "server")))
        if not states:
            empty(
                "No MLflow server has been read yet",
                "The worker reads it as soon as it runs; its address is MLFLOW_TRACKING_URI.",
            )
        else:
            show(
                tables.table(
                    (
                        Column("Server", lead=True),
                        Column("State"),
                        Column("Last look"),
                        Column("Read as a whole"),
                        Column("Models", "right"),
                        Column("Versions", "right"),
                    ),
                    [server(one, now) for one in states],
                    "MLflow servers",
                ),
                note(
                    f"{sources.mirrored(states, now)}. The worker looks every "
                    f"{words.plural(here.settings.mirror_seconds, 'second')}."
                ),
            )
    keeping.panel(by=by)
    webhook.panel()
    with page.card("vendor"):
        show(
            page.section("Models of a vendor, which have no run"),
            paragraph(
                "Countersign writes nothing to MLflow but approved aliases, so a model that "
                "somebody else trains is registered in MLflow like any other. It appears here "
                "within a minute, to be classified and put under a use case. It has no run, and "
                "its one file is what MLflow writes about it: data, parameters and numbers stay "
                "missing, and a release of it waits until somebody vouches for the version."
            ),
        )
        st.code(_VENDOR, language="python")


def server(state: MirrorState, now: datetime) -> Row:
    """One server: whether it answers, what was wrong, how old our copy is, what is under way."""
    return Row(
        (
            mono(state.server),
            tables.two(_standing(state, now), state.problem),
            _moment(state.succeeded_at),
            tables.two(_moment(state.crawled_at) or "not yet", _under_way(state)),
            words.thousands(state.models),
            words.thousands(state.versions),
        ),
        "fail" if state.problem else "",
    )


def _standing(state: MirrorState, now: datetime) -> Markup:
    if state.open_until is not None and state.open_until > now:
        rest = words.span((state.open_until - now).total_seconds())
        return chips.mark("Failed", f"Left alone for {rest}")
    if state.problem:
        return chips.mark("Failed", "Does not answer")
    if state.succeeded_at is None:
        return chips.mark("Waits", "Not read yet")
    return chips.mark("Healthy", "Answers")


def _under_way(state: MirrorState) -> str:
    """What a full reading that goes on has read so far."""
    if state.crawl_began_at is None:
        return ""
    whole = state.models + state.versions
    of = f" of about {words.thousands(whole)}" if whole >= state.crawl_read else ""
    began = words.moment(state.crawl_began_at)
    return f"reading all of it since {began}: {words.thousands(state.crawl_read)}{of}"


def _moment(at: datetime | None) -> str | None:
    return words.moment(at) if at else None


_VENDOR: Final = """import mlflow

model = mlflow.create_external_model(
    name="scoring-bureau",
    model_type="vendor",
    tags={
        "vendor": "Example Bureau Ltd",
        "contract": "2026-114",
        "contact": "models@bureau.example",
        "documentation": "https://bureau.example/scoring",
    },
)
mlflow.register_model(f"models:/{model.model_id}", "scoring-bureau")
"""

TABS: Final[Mapping[str, Callable[[Actor], None]]] = {
    "MLflow servers": servers,
    "Inventory": inventory.panel,
    "Naming rules": naming_rules.panel,
}
