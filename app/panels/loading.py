"""The Load tab: how to load a version, for each language its flavors allow, ready to copy."""

from __future__ import annotations

from collections.abc import Iterator

import streamlit as st

from app.panels import assurance, vendor
from app.panels.shown import CHAMPION, Shown
from app.panels.versions import choose
from app.session import portal
from app.ui import feedback, page
from app.ui.markup import join, mono, note, show, tag
from catalog.registry.models import Model
from catalog.registry.snippets import Snippet, before, snippets


def panel(shown: Shown) -> None:
    """One snippet for each way to load it, by alias or pinned to a number."""
    if shown.subject is None:
        feedback.empty("No version yet", "Register one in MLflow: it appears within a minute.")
        return
    version = choose(shown, "load-version")
    if version.is_external:
        vendor.panel(version)
        return
    aliases = list(version.aliases)
    alias = CHAMPION if CHAMPION in aliases else aliases[0] if aliases else ""
    offered = [f"By alias: follow @{alias}", f"Pinned: stay at v{version.number}"]
    chosen = (
        st.segmented_control(
            "Which version is loaded", offered, default=offered[0], key="load-by", required=True
        )
        if alias
        else offered[1]
    )
    by_alias = bool(alias) and chosen == offered[0]
    with page.card("load-why"):
        show(page.section("Alias or number?"), *map(note, _choice(shown, version.number)))
    _before(shown.model)
    found = portal().input_examples.of(version)
    for place, snippet in enumerate(
        snippets(
            shown.model.name,
            version,
            alias=alias if by_alias else "",
            example=found.table if found else None,
        )
    ):
        _snippet(place, snippet)


def _before(model: Model) -> None:
    """Which MLflow is meant: the same name may stand in another one too."""
    settings = portal().settings
    address = dict(settings.other_servers).get(model.server, settings.mlflow_uri)
    with page.card("load-before"):
        show(
            page.section(
                "First: say which MLflow", f"server {model.server}, workspace {model.workspace}"
            )
        )
        for one in before(address, model.workspace):
            st.code(one.code, language=one.language)
        show(
            note(
                "As Countersign reaches it; where you are, its address may be another one. If it "
                "asks who you are, set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or "
                "MLFLOW_TRACKING_TOKEN, where nobody reads them: never in code."
            )
        )


def _choice(shown: Shown, number: int) -> Iterator[object]:
    """What an alias promises and what a number does, and which files are meant."""
    live, approved = shown.champion, _digest(shown, number)
    yield (
        "An alias follows what is approved: after the next promotion the same line loads the next "
        "version. A number stays, so a result can be repeated after the version was replaced."
    )
    yield f"@{CHAMPION} is on v{live.number} now." if live else "Nothing is live now."
    if approved:
        checked = assurance.FILES.chip
        yield join(("The files of this version are ", mono(approved), ", ", checked, "."))
    else:
        yield (
            "Countersign has not read the files of this version yet: it does so when somebody asks "
            "for a release."
        )


def _snippet(place: int, snippet: Snippet) -> None:
    with page.card(f"load-{place}"):
        show(page.section(snippet.title, tag("span", snippet.needs, cls="cs-mono")))
        st.code(snippet.code, language=snippet.language)
        if snippet.remark:
            show(note(snippet.remark))


def _digest(shown: Shown, number: int) -> str:
    return next(
        (
            one.manifest_digest
            for one in shown.briefs
            if one.version_number == number and one.manifest_digest
        ),
        "",
    )
