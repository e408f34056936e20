"""The lineage stands in columns from what was used to what uses it."""

from __future__ import annotations

import itertools

from app.ui.lineage_graph import Edge, Kind, Node, layout


def nodes(**kinds: Kind) -> list[Node]:
    return [Node(name, kind, name) for name, kind in kinds.items()]


def test_kinds_stand_in_columns_from_data_set_to_alias() -> None:
    places = layout(
        nodes(a="alias", v="version", r="run", d="dataset"),
        [Edge("d", "r"), Edge("r", "v"), Edge("v", "a")],
    )
    assert places["d"][0] < places["r"][0] < places["v"][0] < places["a"][0]


def test_a_kind_keeps_its_column_when_something_before_it_is_unknown() -> None:
    places = layout(nodes(v="version", d="dataset"), [])
    assert places["d"][0] < places["v"][0]


def test_what_rests_on_another_of_its_kind_stands_to_the_right_of_it() -> None:
    places = layout(nodes(d="dataset", e="dataset", r="run"), [Edge("d", "e"), Edge("e", "r")])
    assert places["d"][0] < places["e"][0] < places["r"][0]


def test_nothing_stands_on_anything_else() -> None:
    runs: dict[str, Kind] = {f"r{n}": "run" for n in range(20)}
    drawn = nodes(**runs, d="dataset")
    places = layout(drawn, [Edge("d", f"r{n}") for n in range(20)])
    assert len(set(places.values())) == 21


def test_lines_do_not_cross_where_they_need_not() -> None:
    drawn = nodes(r1="run", r2="run", r3="run", v3="version", v1="version", v2="version", a="alias")
    edges = [Edge("r1", "v1"), Edge("r2", "v2"), Edge("r3", "v3"), Edge("v2", "a")]
    places = layout(drawn, edges)
    pairs = [(places[edge.source][1], places[edge.target][1]) for edge in edges[:3]]
    crossings = [
        (one, other)
        for one, other in itertools.combinations(pairs, 2)
        if (one[0] - other[0]) * (one[1] - other[1]) < 0
    ]
    assert crossings == []


def test_a_cycle_does_no_harm() -> None:
    places = layout(
        nodes(d="dataset", r="run", v="version"), [Edge("r", "v"), Edge("v", "r"), Edge("d", "r")]
    )
    assert set(places) == {"d", "r", "v"}


def test_lines_to_what_is_not_shown_are_left_out() -> None:
    assert layout(nodes(d="dataset"), [Edge("d", "gone"), Edge("gone", "d")]) == {"d": (0.0, 0.0)}


def test_the_same_lineage_always_looks_the_same() -> None:
    runs: dict[str, Kind] = {f"r{n}": "run" for n in range(6)}
    drawn = nodes(**runs, d="dataset", e="dataset")
    edges = [Edge("d" if n % 2 else "e", f"r{n}") for n in range(6)]
    assert layout(drawn, edges) == layout(drawn, edges)


def test_nothing_gives_an_empty_picture() -> None:
    assert layout([], []) == {}
