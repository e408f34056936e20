"""The lineage of a model as a picture to click: data set, run, version, alias, left to right."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any, Literal

import streamlit as st
from streamlit.components.v2.types import ComponentRenderer

from app.ui import chips, theme
from app.ui.markup import label

Kind = Literal["dataset", "run", "version", "alias", "application"]

KIND_WORDS: dict[Kind, str] = {
    "dataset": "Data set",
    "run": "Run",
    "version": "Version",
    "alias": "Alias",
    "application": "Application",
}
# The column a kind starts in; a node moves further right when something it rests on stands there.
_COLUMNS: dict[Kind, int] = {"dataset": 0, "run": 1, "version": 2, "alias": 3, "application": 4}
_STEP_X, _STEP_Y = 250.0, 84.0
_SWEEPS = 6
_MOST_BUTTONS = 24
_COMPONENT = "countersign.lineage"


@dataclass(frozen=True)
class Node:
    """One thing of the lineage; its second line says its kind and `word`, else `note`.

    `word` is a status of the vocabulary and colours the border.
    """

    id: str
    kind: Kind
    name: str
    note: str = ""
    word: str = ""


@dataclass(frozen=True)
class Edge:
    """`source` was used to make `target`, or `target` points at it."""

    source: str
    target: str


def layout(nodes: Sequence[Node], edges: Sequence[Edge]) -> dict[str, tuple[float, float]]:
    """Where each node stands, in columns from what was used to what uses it.

    Neighbours are ordered by the mean place of what they touch, to keep lines from crossing. The
    same input gives the same places; edges to unknown nodes are ignored, a cycle does no harm.
    """
    kinds = {node.id: node.kind for node in nodes}
    known = [edge for edge in edges if edge.source in kinds and edge.target in kinds]
    column = _columns(kinds, known)
    touching: dict[str, list[str]] = defaultdict(list)
    for edge in known:
        touching[edge.source].append(edge.target)
        touching[edge.target].append(edge.source)
    stacks: dict[int, list[str]] = defaultdict(list)
    for node in nodes:
        stacks[column[node.id]].append(node.id)
    place = _order(stacks, touching, column)
    return {
        node: (
            column[node] * _STEP_X,
            (place[node] - (len(stacks[column[node]]) - 1) / 2) * _STEP_Y,
        )
        for node in kinds
    }


def _columns(kinds: Mapping[str, Kind], edges: Sequence[Edge]) -> dict[str, int]:
    """Longest path from what everything rests on, never left of where the kind belongs."""
    column = {node: _COLUMNS[kind] for node, kind in kinds.items()}
    waits = dict.fromkeys(kinds, 0)
    onward: dict[str, list[str]] = defaultdict(list)
    for edge in edges:
        waits[edge.target] += 1
        onward[edge.source].append(edge.target)
    ready = [node for node, count in waits.items() if count == 0]
    # What is on a cycle never gets ready and keeps the column of its kind.
    for node in ready:
        for target in onward[node]:
            column[target] = max(column[target], column[node] + 1)
            waits[target] -= 1
            if waits[target] == 0:
                ready.append(target)
    return column


def _order(
    stacks: Mapping[int, list[str]],
    touching: Mapping[str, list[str]],
    column: Mapping[str, int],
) -> dict[str, float]:
    place = {node: float(at) for stack in stacks.values() for at, node in enumerate(stack)}

    def pull(node: str, side: int) -> float:
        there = (other for other in touching[node] if (column[other] - column[node]) * side > 0)
        near = [place[other] for other in there]
        return sum(near) / len(near) if near else place[node]

    for sweep in range(_SWEEPS):
        side = -1 if sweep % 2 == 0 else 1
        for at in sorted(stacks, reverse=side > 0):
            stack = sorted(stacks[at], key=lambda node: pull(node, side))
            place.update((node, float(rank)) for rank, node in enumerate(stack))
    return place


@cache
def _component() -> ComponentRenderer:
    return st.components.v2.component(
        _COMPONENT, js="lineage.mjs", css="lineage.css", isolate_styles=False
    )


def register() -> None:
    """Make the picture known to Streamlit; at start-up, since the first time is slow."""
    _component()


def lineage_graph(
    nodes: Sequence[Node],
    edges: Sequence[Edge],
    key: str,
    selected: str | None = None,
    *,
    height: int = 420,
) -> str | None:
    """The picture and, for keyboard and screen reader, the same nodes as a list of buttons.

    Gives the id of the node the person chose, or `selected` until they choose one. Zoom and place
    are kept while the same graph is shown.
    """
    chosen_key, list_key, picture_key = f"{key}-chosen", f"{key}-list", f"{key}-picture"
    names = {node.id: f"{KIND_WORDS[node.kind]} {node.name}" for node in nodes}
    chosen = st.session_state.get(chosen_key, selected)
    chosen = chosen if chosen in names else None

    def said(node: str) -> str:
        return label(names[node])

    def from_picture() -> None:
        st.session_state[chosen_key] = st.session_state[picture_key].get("selected")
        st.session_state[list_key] = st.session_state[chosen_key]

    def from_list() -> None:
        st.session_state[chosen_key] = st.session_state[list_key]

    _component()(
        data=_data(nodes, edges, chosen),
        key=picture_key,
        default={"selected": selected},
        on_selected_change=from_picture,
        height=height,
    )
    if st.session_state.get(list_key) != chosen:
        st.session_state[list_key] = chosen
    title, ids = "Everything in the picture", list(names)
    if len(ids) <= _MOST_BUTTONS:
        st.pills(title, ids, format_func=said, key=list_key, on_change=from_list)
    else:
        st.selectbox(title, ids, None, said, list_key, on_change=from_list)
    return chosen


def _data(nodes: Sequence[Node], edges: Sequence[Edge], chosen: str | None) -> dict[str, Any]:
    places = layout(nodes, edges)
    drawn = [
        {
            "id": node.id,
            "kind": node.kind,
            "tone": _tone(node.word),
            "lines": [node.name, _second(node)],
            "x": places[node.id][0],
            "y": places[node.id][1],
        }
        for node in nodes
    ]
    lines = [asdict(edge) for edge in edges if edge.source in places and edge.target in places]
    shown = {"nodes": drawn, "edges": lines, "colours": asdict(theme.palette())}
    written = json.dumps(shown, sort_keys=True).encode()
    return {
        **shown,
        "selected": chosen,
        "sig": hashlib.blake2s(written, digest_size=8).hexdigest(),
        "say": f"Lineage of {len(drawn)} things; the same things are listed under the picture.",
    }


def _second(node: Node) -> str:
    return " · ".join(part for part in (KIND_WORDS[node.kind], node.word or node.note) if part)


def _tone(word: str) -> str:
    return chips.look(word).tone if word else "neutral"
