"""The webhook by which an MLflow server tells of its changes: whether it is there, and how to."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import streamlit as st

from app.session import portal
from app.settings import WEBHOOK_SECRET, Settings, of_server, without_password
from app.ui import chips, page, tables, words
from app.ui.markup import Markup, join, mono, note, paragraph, show
from catalog.registry.mirror.hints import EVENTS

_WEBHOOK: Final = """import os

import mlflow

mlflow.MlflowClient("{uri}").create_webhook(
    name="countersign",
    url="{address}",
    events=[
{events}
    ],
    secret=os.environ["{variable}"],
)
"""


def panel() -> None:
    """Whether each server tells of its changes, and how an administrator has it do so."""
    here = portal()
    settings = here.settings
    own = settings.server_slug if settings.starts_mlflow else ""
    slugs = (settings.server_slug, *settings.other_servers)
    with page.card("webhooks"):
        show(
            page.section("Hear of a change at once", "a webhook in MLflow"),
            paragraph(
                "With a webhook a new version or a moved alias is seen here within two seconds; "
                f"without one at the next look, within {settings.mirror_seconds} seconds. "
                "Descriptions, renames, stages and deletions are seen by looking only: MLflow "
                "sends no event for them."
            ),
            tables.facts(
                [
                    (slug, told(slug == own, slug in settings.webhook_secrets, heard))
                    for slug in slugs
                    for heard in (here.mirror_hints.heard(slug),)
                ]
            ),
        )
        for slug in slugs:
            if slug != own:
                with st.expander(f"Set it up on {slug}", icon=":material/webhook:"):
                    _set_up(slug, settings)


def told(is_own: bool, has_secret: bool, heard: datetime | None) -> Markup:  # noqa: FBT001 - a table
    """Whether a server's webhook is set up, as far as this side can know."""
    if not has_secret:
        return chips.gap("no secret is set here, so every delivery is refused")
    last = f"last delivery {words.moment(heard)}" if heard else "no delivery in 15 minutes"
    if is_own:
        return chips.mark("Healthy", f"made by itself at the start, {last}")
    return chips.mark("Healthy" if heard else "Unknown", f"secret set, {last}")


def _set_up(slug: str, settings: Settings) -> None:
    """The steps, each with what is typed."""
    main = slug == settings.server_slug
    variable = WEBHOOK_SECRET if main else of_server(WEBHOOK_SECRET, slug)
    uri = settings.mlflow_uri if main else settings.other_servers[slug]
    address = f"{settings.public_url}/api/v1/webhooks/mlflow/{slug}"
    show(
        paragraph(
            join(
                (
                    "1. Make a secret with ",
                    mono("openssl rand -hex 32"),
                    ", set it as ",
                    mono(variable),
                    " for Countersign, and start Countersign again.",
                )
            )
        ),
        paragraph(
            join(
                (
                    "2. Start MLflow with ",
                    mono("MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY"),
                    " set: a Fernet key, under which it keeps the secret.",
                )
            )
        ),
        paragraph("3. As an administrator of MLflow, run this once:"),
    )
    st.code(
        _WEBHOOK.format(
            uri=without_password(uri),
            address=address,
            events="\n".join(f'        "{event}",' for event in EVENTS),
            variable=variable,
        ),
        language="python",
    )
    if not address.startswith("https://"):
        show(
            note(
                "MLflow calls public https addresses only, and PUBLIC_URL of Countersign is none. "
                "Inside one's own network start MLflow with "
                "MLFLOW_WEBHOOK_ALLOWED_SCHEMES=https,http and "
                "MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS=true."
            )
        )
    show(note("A delivery then shows here. It is only a hint: the model it names is read again."))
