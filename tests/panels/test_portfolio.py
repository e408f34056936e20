"""The words and sums of the stakeholder's screen."""

from __future__ import annotations

from decimal import Decimal

import pytest

from app.panels.impact import week_words
from app.panels.worth import euro, outcome_words


def test_a_week_is_compared_with_the_week_before_in_words() -> None:
    assert week_words([10.0] * 7 + [11.0] * 7) == "10 % more than in the week before"
    assert week_words([10.0] * 7 + [5.0] * 7) == "50 % fewer than in the week before"
    assert week_words([10.0] * 14) == "As many as in the week before"


def test_without_a_week_before_nothing_is_compared() -> None:
    assert week_words([3.0] * 7) == "21 in the last 7 whole days"


def test_a_number_has_no_classes_so_any_answer_counts() -> None:
    assert outcome_words("number") == "any answer"
    assert outcome_words("approve") == "approve"


@pytest.mark.parametrize(
    ("typed", "amount"),
    [("18", "18"), ("1,200.50", "1200.50"), (" 0.03 EUR", "0.03"), ("-4", "-4")],
)
def test_an_amount_is_read_as_people_type_it(typed: str, amount: str) -> None:
    assert euro(typed) == Decimal(amount)


@pytest.mark.parametrize("typed", ["", "many", "NaN", "inf", "1.2.3"])
def test_what_is_no_amount_is_not_guessed(typed: str) -> None:
    assert euro(typed) is None
