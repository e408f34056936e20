"""The tabs of Settings, and the first of them: which MLflow servers are read, and how that goes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import streamlit as st

from app.panels import inventory, naming_rules, sources
from app.session import portal
from app.ui import chips, page, tables, words
from app.ui.feedback import empty
from app.ui.markup import Markup, mono, note, paragraph, show
from app.ui.tables import Column, Row
from auth.actors import Actor
from catalog.registry.mirror import MirrorState


def servers(_by: Actor) -> None:
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
                        Column("Last read"),
                        Column("Last try"),
                        Column("Models", "right"),
                        Column("Versions", "right"),
                    ),
                    [_server(one) for one in states],
                    "MLflow servers",
                ),
                *(paragraph(f"{one.server}: {one.problem}") for one in states if one.problem),
                note(
                    f"{sources.mirrored(states, now)}. The worker looks every "
                    f"{words.plural(here.settings.mirror_seconds, 'second')}."
                ),
            )
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


def _server(state: MirrorState) -> Row:
    answers: Markup = (
        chips.mark("Failed", "Does not answer")
        if state.problem
        else chips.mark("Healthy", "Answers")
        if state.succeeded_at
        else chips.mark("Waits", "Not read yet")
    )
    return Row(
        (
            mono(state.server),
            answers,
            words.moment(state.succeeded_at) if state.succeeded_at else None,
            words.moment(state.attempted_at),
            words.thousands(state.models),
            words.thousands(state.versions),
        ),
        "fail" if state.problem else "",
    )


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
