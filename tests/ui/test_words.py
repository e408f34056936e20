"""Numbers, dates and money read the same on every screen."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from app.ui import words

NOW = datetime(2026, 11, 20, 9, 12, tzinfo=UTC)


def test_a_moment_is_written_in_utc_whatever_zone_it_came_in() -> None:
    tokyo = datetime(2026, 11, 20, 18, 12, tzinfo=timezone(timedelta(hours=9)))
    assert words.moment(tokyo) == "20 Nov 2026, 09:12 UTC"
    assert words.moment(NOW.replace(tzinfo=None)) == "20 Nov 2026, 09:12 UTC"


def test_a_day_is_the_utc_day() -> None:
    assert words.day(datetime(2026, 11, 21, 1, tzinfo=timezone(timedelta(hours=9)))) == (
        "20 Nov 2026"
    )
    assert words.day(date(2026, 2, 3)) == "3 Feb 2026"


@pytest.mark.parametrize(
    ("before", "said"),
    [
        (timedelta(seconds=5), "just now"),
        (timedelta(minutes=1), "1 minute ago"),
        (timedelta(minutes=59), "59 minutes ago"),
        (timedelta(hours=3), "3 hours ago"),
        (timedelta(days=6), "6 days ago"),
        (timedelta(days=100), "3 months ago"),
        (timedelta(days=800), "2 years ago"),
        (timedelta(days=-4), "in 4 days"),
    ],
)
def test_how_long_ago_is_said_in_the_largest_fitting_unit(before: timedelta, said: str) -> None:
    assert words.ago(NOW - before, NOW) == said


@pytest.mark.parametrize(
    ("before", "said"),
    [
        (timedelta(seconds=-9), "0 min"),
        (timedelta(minutes=40), "40 min"),
        (timedelta(hours=5), "5 h"),
        (timedelta(days=3), "3 d"),
        (timedelta(days=1200), "1,200 d"),
    ],
)
def test_an_age_fits_into_a_column(before: timedelta, said: str) -> None:
    assert words.age(NOW - before, NOW) == said


@pytest.mark.parametrize(
    ("left", "said"),
    [(4, "Due in 4 days"), (1, "Due in 1 day"), (0, "Due today"), (-2, "Overdue 2 days")],
)
def test_a_due_date_says_how_much_time_is_left(left: int, said: str) -> None:
    today = date(2026, 11, 20)
    assert words.due(today + timedelta(days=left), today) == said


def test_thousands_are_parted_and_rounded_half_away_from_zero() -> None:
    assert words.thousands(41200) == "41,200"
    assert words.thousands(0.5) == "1"
    assert words.thousands(Decimal("-1234.5"), 1) == "\N{MINUS SIGN}1,234.5"
    assert words.thousands(-0.2) == "0"


def test_a_metric_without_a_value_is_a_dash() -> None:
    assert words.figure(0.8125) == "0.813"
    assert words.figure(None) == "\N{EN DASH}"


def test_a_share_reads_as_a_percentage() -> None:
    assert words.percent(0.629) == "62.9 %"


def test_money_keeps_its_unit_with_it() -> None:
    assert words.eur(8_100_000) == "8.1 m EUR"
    assert words.eur(48_000) == "48,000 EUR"
    assert words.eur(999_999) == "1.0 m EUR"
    assert words.eur(-2_500_000_000) == "\N{MINUS SIGN}2.5 bn EUR"


def test_a_large_count_is_parted_into_value_and_unit() -> None:
    assert words.compact(2_460_000) == ("2.46", "million")
    assert words.compact(41_200) == ("41,200", "")


def test_one_is_singular_and_everything_else_plural() -> None:
    assert [words.plural(n, "entry", "entries") for n in (0, 1, 2)] == [
        "0 entries",
        "1 entry",
        "2 entries",
    ]


def test_a_digest_is_short_enough_to_compare_by_eye() -> None:
    assert words.digest("sha256:9f2c41ab000007de") == "9f2c…07de"
    assert words.digest("9f2c07de") == "9f2c07de"


def test_names_are_listed_as_people_list_them() -> None:
    assert words.listing(["Ada"]) == "Ada"
    assert words.listing(["Ada", "Bo", "Ca"]) == "Ada, Bo and Ca"
    assert words.listing([]) == ""
