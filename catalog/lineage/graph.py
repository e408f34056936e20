"""The lineage of a model: data set, run, version, alias, and the arrows between them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from catalog.registry.models import Model, Run, Version

KINDS: Final = ("data set", "run", "version", "alias")


@dataclass(frozen=True)
class Node:
    """One thing in the graph. `facts` is what a click on it tells."""

    id: str
    kind: str
    label: str
    note: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    number: int | None = None


@dataclass(frozen=True)
class Edge:
    """An arrow: `target` was made from `source`."""

    source: str
    target: str
    label: str = ""


@dataclass(frozen=True)
class Graph:
    """Nodes and arrows, from the data on the left to the aliases on the right."""

    nodes: tuple[Node, ...] = field(default=())
    edges: tuple[Edge, ...] = field(default=())


def lineage(model: Model, versions: list[Version], runs: dict[str, Run]) -> Graph:
    """The graph of one model as the mirror knows it: data set, run, version, alias."""
    nodes: dict[str, Node] = {}
    edges: dict[tuple[str, str], Edge] = {}

    def arrow(source: str, target: str, label: str = "") -> None:
        edges.setdefault((source, target), Edge(source, target, label))

    for version in versions:
        at = f"version:{version.number}"
        nodes[at] = Node(
            at,
            "version",
            f"v{version.number}",
            ", ".join(f"@{alias}" for alias in version.aliases),
            (
                ("Description", version.description or "none"),
                ("Registered", version.created_at.strftime("%d %b %Y, %H:%M UTC")),
                ("Status in MLflow", version.status.lower()),
            ),
            version.number,
        )
        run = runs.get(version.run_id)
        if run is None:
            continue
        came = f"run:{run.run_id}"
        nodes[came] = Node(
            came,
            "run",
            run.name or run.run_id[:8],
            run.experiment,
            (
                ("Run", run.run_id),
                ("Experiment", run.experiment),
                ("User as MLflow was told", run.user or "not said"),
                ("Parameters", str(len(run.params))),
            ),
        )
        arrow(came, at, "produced")
        for data in run.datasets:
            source = f"data:{data.name}:{data.digest}"
            nodes[source] = Node(
                source,
                "data set",
                data.name,
                data.digest,
                (
                    ("Digest", data.digest),
                    ("Rows", f"{data.rows:,}" if data.rows is not None else "not said"),
                    ("Columns", str(len(data.columns)) if data.columns else "not said"),
                    ("Source", data.source_type or "not said"),
                ),
            )
            arrow(source, came, data.context or "used")
    for alias in model.aliases:
        at = f"alias:{alias.name}"
        since = alias.since.strftime("%d %b %Y, %H:%M UTC")
        nodes[at] = Node(
            at,
            "alias",
            f"@{alias.name}",
            f"v{alias.number}",
            (("Points at", f"version {alias.number}"), ("Seen there since", since)),
            alias.number,
        )
        arrow(f"version:{alias.number}", at, "live as")
    present = {edge for edge in edges.values() if edge.source in nodes and edge.target in nodes}
    return Graph(tuple(nodes.values()), tuple(sorted(present, key=lambda e: (e.source, e.target))))
