"""Pieces say what they mean: a status has a word and a shape, only what is wrong stands out."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from app.ui import charts, chips, feedback, tables, tiles, timeline
from app.ui.charts import Contribution, Series
from app.ui.tables import Change, Column, Gate
from app.ui.theme import DARK, LIGHT

TODAY = date(2026, 11, 20)


@pytest.mark.parametrize("word", chips.VOCABULARY)
def test_every_status_has_its_word_its_shape_and_its_colour(word: str) -> None:
    drawn = chips.status(word)
    look = chips.VOCABULARY[word]
    assert f">{word}</span>" in drawn.replace("</i>", ">")
    assert f"cs-{look.shape}" in drawn
    assert f"cs-b-{look.tone}" in drawn


def test_an_unknown_status_never_looks_like_a_good_one() -> None:
    assert "cs-b-neutral" in chips.status("Splendid")


def test_a_status_is_known_whatever_its_capitals() -> None:
    assert chips.look("no monitor") == chips.look("No monitor")


def test_a_due_date_asks_for_attention_in_its_last_two_days() -> None:
    tones = [
        next(
            tone
            for tone in ("neutral", "attention", "fail")
            if f"cs-b-{tone}" in chips.due(TODAY + timedelta(days=left), TODAY)
        )
        for left in (3, 2, 0, -1)
    ]
    assert tones == ["neutral", "attention", "attention", "fail"]


def test_only_gates_that_fail_or_lack_evidence_are_tinted() -> None:
    gates = [
        Gate("a", "", "pass", "1", "1"),
        Gate("b", "", "fail", "1", "0"),
        Gate("c", "", "missing", "1", ""),
    ]
    drawn = tables.gate_table(gates)
    assert drawn.count("<tr>") == 2
    assert drawn.count("cs-row-fail") == 1
    assert drawn.count("cs-row-attention") == 1


def test_evidence_says_whether_countersign_computed_it() -> None:
    drawn = tables.gate_table(
        [
            Gate("a", "", "pass", "1", "1", verified=True),
            Gate("b", "", "pass", "1", "1", verified=False),
        ]
    )
    assert "verified" in drawn
    assert "self-reported" in drawn


def test_prose_is_not_set_as_code() -> None:
    drawn = tables.difference([Change("Purpose", "To lend.", "", is_prose=True)], "v7", "v8", "x")
    assert "cs-mono" not in drawn
    assert "cs-mono" in tables.difference([Change("depth", "1", "2")], "v7", "v8", "x")


def test_a_stretch_too_short_for_its_label_is_drawn_before_its_neighbours_without_it() -> None:
    start = datetime(2026, 11, 20, tzinfo=UTC)

    def stretch(label: str, began: int, ended: int) -> timeline.Stretch:
        first, last = start + timedelta(hours=began), start + timedelta(hours=ended)
        return timeline.Stretch(label, "said", (first, first), (last, last))

    rows = [stretch("v1", 0, 99), stretch("v2", 99, 100), stretch("v3", 100, 200)]
    now = start + timedelta(hours=200)
    drawn = timeline.lanes({"champion": rows}, now, now)
    assert drawn.count("cs-narrow") == 1
    assert ">v1</span>" in drawn
    assert ">v2</span>" not in drawn
    assert "v2, said" in drawn


def test_differences_come_first_and_agreement_is_said_in_words() -> None:
    drawn = tables.difference(
        [Change("same", "1", "1"), Change("other", "1", "2")], "v7", "v8", "v7 and v8"
    )
    assert drawn.index("other") < drawn.index("same")
    assert drawn.count("identical") == 1
    assert drawn.count("cs-row-changed") == 1


def test_a_table_cell_carries_its_title_for_small_screens() -> None:
    drawn = tables.table([Column("Owner"), Column("Calls", "right")], [("Ada", None)], "Owners")
    assert 'data-label="Owner">Ada' in drawn
    assert 'class="cs-r" data-label="Calls">\N{EN DASH}' in drawn
    assert drawn.count('scope="col"') == 2


def test_a_table_refuses_a_row_that_does_not_fit_its_columns() -> None:
    with pytest.raises(ValueError, match="zip"):
        tables.table([Column("Owner")], [("Ada", "too much")], "Owners")


def test_an_amount_of_nothing_draws_bars_without_a_division() -> None:
    drawn = tiles.bars([0, 0], "no calls")
    assert drawn.count("<i") == 2
    assert 'aria-label="no calls"' in drawn


def test_shares_of_an_empty_whole_are_drawn() -> None:
    assert "width:0.0%" in tiles.shares([tiles.Share("Healthy", 0)])


def test_a_history_marks_each_version_by_its_state() -> None:
    drawn = timeline.timeline(
        [
            timeline.Point("v1", "past", "Retired"),
            timeline.Point("v2", "live", "Live", aliases=("champion",)),
        ]
    )
    assert "cs-point-past" in drawn
    assert "cs-point-live" in drawn
    assert "@champion" in drawn


def test_unknown_progress_claims_no_number() -> None:
    assert "aria-valuenow" not in feedback.progress("Waiting", None)
    assert 'aria-valuenow="62"' in feedback.progress("Working", 0.62)


def test_the_strongest_feature_stands_at_the_top() -> None:
    figure = charts.bar_importance(["weak", "strong"], [0.1, 0.9], unit="EUR", colours=LIGHT)
    assert figure["layout"]["yaxis"]["ticktext"] == ["weak", "strong"]
    assert figure["data"][0]["x"] == [0.1, 0.9]


def test_an_explained_row_leads_from_the_average_to_the_prediction() -> None:
    figure = charts.contributions(
        1.0,
        [Contribution("a", "x", 0.5), Contribution("b", "y", -2.0)],
        -0.5,
        unit="EUR",
        colours=DARK,
    )
    moves, ends = figure["data"]
    assert moves["base"] == [1.0, -1.0]
    assert moves["x"] == [-2.0, 0.5]
    assert ends["x"] == [1.0, -0.5]


def test_an_estimate_goes_on_in_the_colour_of_its_line() -> None:
    figure = charts.lines(
        ["Jan", "Feb"],
        [Series("v7", (1.0, None)), Series("estimate", (1.0, 2.0), is_estimate=True)],
        unit="AUC",
        limit=0.5,
        colours=LIGHT,
    )
    first, second = figure["data"]
    assert first["line"]["color"] == second["line"]["color"]
    assert second["line"]["dash"] == "dot"
    assert any(note["text"] == "limit 0.500" for note in figure["layout"]["annotations"])


def test_charts_are_drawn_from_nothing() -> None:
    assert charts.bar_importance([], [], unit="EUR", colours=LIGHT)["data"]
    assert charts.contributions(0, [], 0, unit="EUR", colours=LIGHT)["data"]
    assert charts.dependence_scatter([], [], feature="a", unit="EUR", colours=LIGHT)["data"]
    assert charts.lines([], [], unit="EUR", colours=LIGHT)["data"] == []


def test_a_number_says_in_a_word_who_computed_it_and_the_rest_to_whoever_points_at_it() -> None:
    run = chips.Assured(is_verified=False, by="the run", told="The run wrote it.")
    assert run.chip == (
        '<span class="cs-assured" title="The run wrote it.">'
        '<span class="cs-quiet">self-reported by the run</span></span>'
    )
    ours = chips.Assured(is_verified=True, told='Computed "here".')
    assert "cs-tick" in ours.short
    assert ">verified</span>" in ours.short.replace("</i>", ">")
    assert 'title="Computed &quot;here&quot;."' in ours.short


def test_a_column_of_numbers_says_who_computed_them_on_a_phone_too() -> None:
    auc = Column("auc", "right", assured=chips.Assured(is_verified=False, told="The run did."))
    drawn = tables.table([Column("Version", lead=True), auc], [("v4", "0.767")], "Versions")
    assert 'title="The run did."' in drawn
    assert 'data-label="auc, self-reported"' in drawn
