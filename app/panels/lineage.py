"""The lineage of a model as a picture to click: what a thing is, and the way to it."""

from __future__ import annotations

from typing import Final

import streamlit as st

from app.panels import deprecation, sources, ways
from app.panels.links import link
from app.panels.shown import CHAMPION, Shown
from app.ui import feedback, lineage_graph, page, tables, words
from app.ui.markup import note, show
from catalog.lineage.graph import Graph, Node, lineage
from catalog.registry.deprecations import Deprecation

_KINDS: Final[dict[str, lineage_graph.Kind]] = {
    "data set": "dataset",
    "run": "run",
    "version": "version",
    "alias": "alias",
}


def panel(shown: Shown) -> None:
    """The picture, the same things as a list, and the facts of what was chosen."""
    model = shown.model
    page.head(
        (model.domain, model.name, "Lineage"),
        f"What {model.name} rests on",
        "From the data on the left over runs and versions to the aliases on the right. "
        "Choose a thing to read it.",
    )
    graph = lineage(model, list(shown.versions), dict(shown.runs))
    if not graph.nodes:
        feedback.empty(
            "This model has no version yet",
            "Register one in MLflow: its run and data appear here within a minute.",
            page=ways.to("model"),
            link=f"Back to {model.name}",
            query=ways.of(model),
        )
        return
    left, right = st.columns([0.68, 0.32])
    with left, page.card("lineage"):
        chosen = lineage_graph.lineage_graph(
            [_node(shown, node) for node in graph.nodes],
            [lineage_graph.Edge(edge.source, edge.target) for edge in graph.edges],
            f"lineage-{model.id}",
            st.query_params.get("node") or _first(graph),
            height=460,
        )
        _keep(chosen)
    with right, page.card("node"):
        _facts(shown, graph, chosen)
    show(
        sources.source(
            shown.states,
            shown.now,
            "Data sets and runs are self-reported; aliases are MLflow's own.",
        )
    )


def _node(shown: Shown, node: Node) -> lineage_graph.Node:
    said = _going(shown, node)
    word = said.word(shown.now.date()) if said else ""
    return lineage_graph.Node(node.id, _KINDS[node.kind], node.label, node.note, word)


def _going(shown: Shown, node: Node) -> Deprecation | None:
    """What was said of the version that a thing is, or points at, if it is on its way out."""
    version = shown.number(node.number) if node.number is not None else None
    return shown.deprecations.get(version.id) if version else None


def _first(graph: Graph) -> str:
    live = f"alias:{CHAMPION}"
    ids = [node.id for node in graph.nodes]
    return live if live in ids else ids[0]


def _keep(chosen: str | None) -> None:
    if chosen and st.query_params.get("node") != chosen:
        st.query_params["node"] = chosen


def _facts(shown: Shown, graph: Graph, chosen: str | None) -> None:
    node = next((one for one in graph.nodes if one.id == chosen), None)
    if node is None:
        show(page.section("Nothing chosen"), note("Choose a thing in the picture or in the list."))
        return
    rests = [edge for edge in graph.edges if edge.target == node.id]
    used = [edge for edge in graph.edges if edge.source == node.id]
    names = {one.id: one.label for one in graph.nodes}
    show(
        page.section(node.label, node.kind),
        tables.facts(node.facts),
        tables.facts(
            [
                *(
                    [("Made from", words.listing([names[e.source] for e in rests]))]
                    if rests
                    else []
                ),
                *([("Leads to", words.listing([names[e.target] for e in used]))] if used else []),
            ]
        ),
    )
    deprecation.notice(_going(shown, node), shown)
    _ways(shown, node)


def _ways(shown: Shown, node: Node) -> None:
    model = shown.model
    box, arrows = ":material/deployed_code:", ":material/compare_arrows:"
    if node.number is None:
        tab = "Data and parameters"
        link(f"{tab} of {model.name}", "model", model=model, icon=":material/database:", tab=tab)
        return
    link(f"Open {model.name}", "model", model=model, icon=box, tab="Versions")
    version = shown.number(node.number)
    before = shown.before(version) if version else None
    if before is not None:
        pair = {"left": before.number, "right": node.number}
        said = f"Compare v{before.number} and v{node.number}"
        link(said, "compare", model=model, icon=arrows, **pair)
    chart = ":material/bar_chart:"
    link(f"What drives v{node.number}", "explain", model=model, icon=chart, version=node.number)
