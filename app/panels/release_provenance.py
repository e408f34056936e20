"""Where a version comes from: its data, run and code, and what differs from the live version."""

from __future__ import annotations

from typing import Final

import streamlit as st

from app.panels.glance import trained_on
from app.panels.links import link
from app.panels.release_dossier import Dossier
from app.panels.ways import run_in_mlflow
from app.ui import chips, page, tables, words
from app.ui.markup import Markup, mono, note, show
from app.ui.tables import Change
from catalog.lineage.difference import Difference

_MOST_CHANGES: Final = 12
_CODE: Final = ("mlflow.source.git.commit", "mlflow.source.name")


def provenance(dossier: Dossier, number: int) -> None:
    """The data, run and code of the version, and its differences from the live one."""
    request, apart, run = dossier.request, dossier.difference, dossier.run
    before, after = f"v{request.replaces}", f"v{request.version_number}"
    trained = trained_on(dossier.version, run) if dossier.version else chips.gap("It is gone")
    facts: list[tuple[str, object]] = [("Trained on", trained), ("Run", _run(dossier))]
    code = [run.tags[name] for name in _CODE if run.tags.get(name)] if run else []
    facts.append(("Code", mono(", ".join(code)) if code else chips.gap("The run recorded no code")))
    told = _changes(apart) if apart else []
    show(
        page.section(
            "Where it comes from, and what changed",
            f"{words.plural(len(told), 'difference')} from {before} to {after}" if apart else "",
            number=number,
            anchor="changed",
        ),
        tables.facts(facts),
        _differences(told, before, after)
        if apart
        else note(f"Nothing is {request.alias} now, so there is nothing to compare it with."),
    )
    with st.container(horizontal=True, key="provenance-links"):
        if apart:
            link(
                f"Compare {before} with {after}",
                "compare",
                model=dossier.model,
                left=request.replaces,
                right=request.version_number,
            )
        address = run_in_mlflow(dossier.model, run.run_id) if run else ""
        if address:
            st.link_button(
                "Open the run in MLflow", address, icon=":material/open_in_new:", type="tertiary"
            )


def _run(dossier: Dossier) -> Markup:
    run = dossier.run
    if run is None:
        return chips.gap("No run is known: it was registered without one, or the run is gone")
    made = ", ".join(one for one in (run.experiment, run.user) if one)
    ended = f", ended {words.moment(run.ended_at)}" if run.ended_at else ""
    return tables.two(run.name or run.run_id, f"{run.run_id}, {made}{ended}")


def _changes(apart: Difference) -> list[Change]:
    return [
        Change(f"{kind}: {one.name}", one.before, one.after)
        for kind, group in (
            ("Parameter", apart.parameters),
            ("Data", apart.data),
            ("Column", apart.signature),
        )
        for one in group
        if not one.is_same
    ]


def _differences(changes: list[Change], before: str, after: str) -> Markup:
    if not changes:
        return note("Parameters, data and signature are identical.")
    shown = tables.difference(
        changes[:_MOST_CHANGES], before, after, "What changed against the live version"
    )
    more = len(changes) - _MOST_CHANGES
    if more <= 0:
        return shown
    return Markup(shown + note(f"{words.plural(more, 'more difference')} on the Compare page."))
