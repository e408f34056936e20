"""The law of the card: each field asks its own question and names its own remedy."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings

from catalog.registry.cards.body import Assessment, CardBody, Figure, Risk, changed, read, shaped
from catalog.registry.cards.rules import (
    FIELDS,
    MOST_ENTRIES,
    Field,
    completeness,
    insist_sound,
    problems,
)
from ledger.errors import Invalid
from tests.catalog.registry.cards import COMPLETE, hostile


def test_a_card_that_says_everything_is_sound_and_complete() -> None:
    assert problems(COMPLETE) == []
    assert completeness(COMPLETE).score == 100
    assert completeness(COMPLETE).missing == ()


def test_the_weights_make_a_hundred_and_every_weighed_field_says_what_to_write() -> None:
    assert sum(field.weight for field in FIELDS) == 100
    assert all(field.missing for field in FIELDS if field.weight)


def test_an_empty_card_counts_nothing_and_lacks_every_weighed_field() -> None:
    told = completeness(CardBody())
    assert told.score == 0
    assert {one.key for one in told.missing} == {one.key for one in FIELDS if one.weight}


@pytest.mark.parametrize("field", [one for one in FIELDS if one.weight], ids=lambda one: one.key)
def test_leaving_a_field_empty_costs_exactly_its_weight(field: Field) -> None:
    empty: Any = "" if isinstance(getattr(COMPLETE, field.key), str) else ()
    told = completeness(replace(COMPLETE, **{field.key: empty}))
    assert told.score == 100 - field.weight
    assert told.missing == (field,)


def test_a_word_in_passing_does_not_fill_a_field() -> None:
    assert completeness(replace(COMPLETE, use_cases=("Loans",))).score == 80


WRONG: list[tuple[CardBody, str]] = [
    (CardBody(users=("",)), "Users, entry 1 lacks its text."),
    (CardBody(users=("Officers", "tbd")), "Users, entry 2 says nothing."),
    (CardBody(use_cases=("x" * 2001,)), "Intended use, entry 1 has 2,001 characters."),
    (CardBody(limitations=("a\x00b",)), "Limitations, entry 1 holds a control character."),
    (CardBody(limitations=("a\ud800b",)), "Limitations, entry 1 holds a control character."),
    (CardBody(out_of_scope=("Cars", "cars")), "Not meant for says the same thing twice."),
    (CardBody(users=("a",) * 0 + tuple(map(str, range(21)))), "Users has 21 entries."),
    (CardBody(approach="magic"), "Approach cannot be 'magic'."),
    (CardBody(family="y" * 121), "Family has 121 characters."),
    (CardBody(risks=(Risk("", "x y"),)), "Ethical risks, entry 1 lacks the risk."),
    (CardBody(risks=(Risk("Loss", ""),)), "Ethical risks, entry 1 lacks what is done about it."),
    (CardBody(assessments=(Assessment(harms="h", mitigation="m"),)), "Fairness, entry 1 lacks the"),
    (CardBody(assessments=(Assessment("g"),)), "Fairness, entry 1 says neither benefit nor harm."),
    (CardBody(assessments=(Assessment("g", "", "h"),)), "Fairness, entry 1 names a harm without"),
    (CardBody(figures=(Figure("", "1"),)), "Reported figures, entry 1 lacks the name"),
    (CardBody(figures=(Figure("AUC", "0,8"),)), "Reported figures, entry 1 has no number"),
    (CardBody(figures=(Figure("AUC", "nan"),)), "Reported figures, entry 1 has no number"),
    (CardBody(figures=(Figure("AUC", "\u0660"),)), "Reported figures, entry 1 has no number"),
    (CardBody(figures=(Figure("AUC", "1", "", "0.1"),)), "Reported figures, entry 1 has half an"),
    (
        CardBody(figures=(Figure("AUC", "1", "", "a", "b"),)),
        "Reported figures, entry 1 has a bound",
    ),
    (
        CardBody(figures=(Figure("AUC", "3", "", "1", "2"),)),
        "Reported figures, entry 1 has a value",
    ),
]


@pytest.mark.parametrize(("body", "said"), WRONG, ids=[said for _body, said in WRONG])
def test_a_wrong_field_is_named_with_its_remedy(body: CardBody, said: str) -> None:
    with pytest.raises(Invalid) as refused:
        insist_sound(body)
    assert refused.value.message.startswith(said)
    assert refused.value.hint


def test_every_wrong_field_is_found_not_only_the_first() -> None:
    body = CardBody(users=("",), approach="magic", risks=(Risk(),))
    assert {one.field for one in problems(body)} == {"users", "approach", "risks"}


def test_of_a_value_with_two_faults_both_are_told() -> None:
    told = [one.said for one in problems(CardBody(family="y" * 121 + "\0"))]
    assert told == ["has 122 characters", "holds a control character"]


def test_a_card_that_says_nothing_is_not_published() -> None:
    with pytest.raises(Invalid, match="says nothing yet"):
        insist_sound(CardBody())


def test_twenty_entries_are_as_many_as_a_field_holds() -> None:
    many = tuple(f"Team {number}" for number in range(MOST_ENTRIES))
    assert problems(CardBody(users=many)) == []


def test_a_card_reads_back_from_its_cyclonedx_shape() -> None:
    assert read(shaped(COMPLETE)) == COMPLETE
    assert shaped(CardBody()) == {}


@settings(max_examples=50, deadline=None)
@given(hostile, hostile)
def test_whatever_is_typed_reads_back_with_its_white_space_evened_out(one: str, two: str) -> None:
    body = read({"considerations": {"users": [one], "ethicalConsiderations": [{"name": two}]}})
    assert body.users == (" ".join(one.split()),)
    assert body.risks == (Risk(" ".join(two.split())),)


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ([], "modelCard is no object."),
        ({"colour": 1}, "colour is no field people write."),
        ({"bom-ref": "x"}, "bom-ref is filled in from MLflow."),
        ({"modelParameters": {"task": "x"}}, "modelParameters.task is filled in from MLflow."),
        ({"modelParameters": {"approach": "x"}}, "modelParameters.approach is no object."),
        ({"considerations": {"users": "me"}}, "considerations.users is no list."),
        ({"considerations": {"users": [3]}}, "considerations.users[0] is no text."),
        (
            {"considerations": {"ethicalConsiderations": [{"name": "a", "who": "b"}]}},
            "considerations.ethicalConsiderations[0].who is no field people write.",
        ),
        (
            {"quantitativeAnalysis": {"performanceMetrics": [{"value": 0.8}]}},
            "quantitativeAnalysis.performanceMetrics[0].value is no text.",
        ),
        ({"properties": [{"name": "other", "value": "x"}]}, "properties[0].name is a property"),
    ],
)
def test_a_shape_that_would_lose_something_is_refused_by_the_name_of_the_field(
    raw: object, said: str
) -> None:
    with pytest.raises(Invalid) as refused:
        read(raw)
    assert refused.value.message.startswith(said)
    assert refused.value.hint


def test_the_fields_in_which_two_cards_differ_are_named() -> None:
    other = replace(COMPLETE, users=("Nobody else",), approach="")
    assert changed(COMPLETE, other) == ["users", "approach"]
    assert changed(COMPLETE, COMPLETE) == []
