"""Whatever a person typed stays text, in every piece of the kit."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from app.ui import charts, chips, feedback, page, tables, tiles, timeline
from app.ui.markup import (
    Markup,
    join,
    label,
    mono,
    option,
    option_of,
    paragraph,
    quote,
    sentence,
    tag,
    text,
)
from app.ui.theme import LIGHT, document

HOSTILE = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>"
NOW = datetime(2026, 11, 20, tzinfo=UTC)

PIECES: dict[str, Callable[[str], object]] = {
    "a tag's content": lambda said: tag("p", said),
    "a tag's attribute": lambda said: tag("p", cls=said, title=said),
    "pieces joined": lambda said: join([said, said], said),
    "a value in the fixed-width face": mono,
    "a paragraph": paragraph,
    "a sentence": lambda said: sentence(said, "becomes"),
    "a quotation": lambda said: quote(said, said),
    "a status": lambda said: chips.status(said, said),
    "a status without background": chips.mark,
    "a flagged sentence": lambda said: chips.flagged("Fail", said),
    "an alias": lambda said: chips.alias(said, said),
    "a fact": chips.fact,
    "a section": lambda said: page.section(said, said, anchor=said),
    "a group": page.group,
    "a rail": lambda said: page.rail([page.Stop(said, said, said, said)]),
    "a cover": lambda said: page.cover(said, asked=said),
    "facts": lambda said: tables.facts([(said, said)]),
    "a table": lambda said: tables.table(
        [tables.Column(said)], [tables.Row((tables.two(said, said),))], said
    ),
    "a gate table": lambda said: tables.gate_table(
        [
            tables.Gate(
                said,
                said,
                "fail",
                said,
                said,
                tables.Evidence(said, said, [(said, said)]),
                produced_by=said,
                age=said,
            ),
            tables.Gate(said, said, "missing", said, "", instead=said),
        ]
    ),
    "a difference": lambda said: tables.difference(
        [tables.Change(said, said, said + "2", said), tables.Change(said, said, said)],
        said,
        said,
        said,
    ),
    "tiles": lambda said: tiles.tiles([tiles.Tile(said, said, said, said, (1, 2), said)]),
    "shares": lambda said: tiles.shares([tiles.Share(said, 1, said)]),
    "a version history": lambda said: timeline.timeline(
        [timeline.Point(said, "live", said, said, said, (said,))]
    ),
    "an age": lambda said: feedback.age_note(said, NOW, NOW),
    "progress": lambda said: feedback.progress(said, 0.5, said),
    "a page outside Streamlit": lambda said: document(said, said),
}


@pytest.mark.parametrize("piece", PIECES.values(), ids=PIECES.keys())
def test_markup_in_a_value_is_shown_and_never_acts(piece: Callable[[str], object]) -> None:
    drawn = str(piece(HOSTILE))
    assert "&lt;script&gt;" in drawn
    assert "<script" not in drawn
    assert "<img" not in drawn
    assert "\"'>" not in drawn


def test_only_this_kits_own_markup_is_left_as_it_is() -> None:
    assert text(Markup("<b>x</b>")) == "<b>x</b>"
    assert text("<b>x</b>") == "&lt;b&gt;x&lt;/b&gt;"
    assert isinstance(text(7), Markup)


def test_a_label_says_markdown_instead_of_obeying_it() -> None:
    said = label("**bold** [go](http://x) `code`\n# head :red[x] $y$ <b>")
    assert said == (r"\*\*bold\*\* \[go\]\(http\:\/\/x\) \`code\` \# head \:red\[x\] \$y\$ \<b\>")


def test_a_chart_shows_the_name_of_a_feature_as_text() -> None:
    figure = charts.bar_importance([HOSTILE], [1.0], unit="log-odds", colours=LIGHT)
    assert "<script" not in str(figure)
    figure = charts.contributions(
        0, [charts.Contribution(HOSTILE, HOSTILE, 1.0)], 1, unit="EUR", colours=LIGHT
    )
    assert "<script" not in str(figure)


@pytest.mark.parametrize(
    "name",
    [
        "[Click](https://evil.example)",
        "![x](https://evil.example/x.png)",
        "https://evil.example",
        "www.evil.example",
        "**bold**",
        "_slanted_",
        "~~gone~~",
        "`code`",
        "$x^2$",
        ":red[alarm]",
        ":material/warning:",
        ":smile:",
        "# heading",
        "1. first",
        "<b>x</b>",
        "a -> b",
        "a\\_b",
    ],
)
def test_a_name_that_markdown_would_act_on_is_shown_and_comes_back_from_an_address(
    name: str,
) -> None:
    assert option(name) == label(name) != name
    assert option_of(option(name)) == name
    assert option_of(name) == name


@pytest.mark.parametrize(
    "name", ["credit_pd", "credit-pd", "roc_auc", "owner: Ada (2024)", "0.1%", "Größe 3", ""]
)
def test_an_ordinary_name_stands_in_an_address_as_it_is(name: str) -> None:
    assert option(name) == option_of(name) == name
