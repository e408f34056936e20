"""Spelling: what a word that stands nowhere is taken for."""

from __future__ import annotations

import pytest

from catalog.registry.search.spelling import near

WORDS = ("arrears", "churn", "default", "fraud", "loan", "loans", "mortgage", "on", "one")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("defalt", ["default"]),
        ("defualt", ["default"]),
        ("mortage", ["mortgage"]),
        ("laon", ["loan"]),
        ("lon", []),  # too short to be mended
        ("lone", []),  # one slip from "one", which is too short to be meant
        ("fruad", ["fraud"]),
        ("default2", []),  # digits are no spelling
        ("churn", []),  # it is a word already
    ],
)
def test_a_slip_or_two_are_mended_where_the_word_is_long_enough_to_tell(
    typed: str, meant: list[str]
) -> None:
    assert [word for word, _slips in near(typed, WORDS)] == meant


def test_the_word_with_fewer_slips_and_the_same_first_letter_comes_first() -> None:
    assert near("goods", ("moods", "good")) == [("good", 1), ("moods", 1)]
