"""A policy file is read strictly: what is wrong is told with its line and its remedy."""

from __future__ import annotations

import json
from contextlib import suppress

import jsonschema  # type: ignore[import-untyped]
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.releases.policies.law import AppliesTo, Classified, Policy, Published, governing
from catalog.releases.policies.questions import KINDS
from catalog.releases.policies.reading import (
    LARGEST_BYTES,
    NotAPolicy,
    from_body,
    pack_text,
    packs,
    read,
    schema,
)
from ledger.errors import Invalid

BASELINE = pack_text("baseline")


def problems_of(text: str) -> list[str]:
    with pytest.raises(NotAPolicy) as told:
        read(text)
    assert told.value.hint
    return [str(one) for one in told.value.problems]


def line_of(words: str) -> int:
    return next(n for n, line in enumerate(BASELINE.splitlines(), 1) if words in line)


@pytest.mark.parametrize(
    ("before", "after", "line", "told"),
    [
        ("margin: 0.0", 'margin: "0.0"', "margin: 0.0", "is text where a number belongs"),
        ("margin: 0.0", "margin: -1.0", "margin: 0.0", "greater than or equal to 0"),
        ("margin: 0.0", "magin: 0.0", "margin: 0.0", "Did you mean margin?"),
        ("kind: owner_present", "kind: owner_presnt", "owner_present",
         "Did you mean owner_present?"),
        ("kind: owner_present", "kind: horoscope", "owner_present",
         "no gate of the kind 'horoscope'"),
        ("better: lower", "better: smaller", "better: lower", "'higher' or 'lower'"),
        ("context: evaluation", "context: ''", "context: eval", "at least 1 character"),
        ("id: owner", "id: performance", "gates:", "two gates are called 'performance'"),
        ("name: baseline", "name: Base Line", "name: baseline", "should match pattern"),
        ("needed: 1", "needed: 0", "needed: 1", "from 1 to 9 people, or all"),
        ("version: 1", "version: 1\nversion: 2", "version: 1", "stands here twice"),
        ("title: Owner", "title: &a Owner", "title: Owner", "References (& and *) are not read"),
        ("title: Owner", "title: !!python/object:os.system x", "title: Owner", "Tags"),
        ("title: Owner", "title: [", "title: Owner", "no YAML"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_line_and_its_remedy(
    before: str, after: str, line: str, told: str
) -> None:
    assert before in BASELINE
    first, *_ = problems_of(BASELINE.replace(before, after, 1))
    assert told.lower() in first.lower()
    number = int(first.removeprefix("Line ").split(",")[0].split(":")[0])
    assert 0 <= number - line_of(line) <= 2, first


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("margin: 0.0", "margin: -1",
         "margin must be greater than or equal to 0; it says -1. Write 0, or a larger number."),
        ("margin: 0.0", 'margin: "lots"',
         "'lots' is text where a number belongs. Write a number, such as margin: 0.02."),
        ("margin: 0.0", 'margin: "0.5"',
         "'0.5' is text where a number belongs. Write 0.5 without quotes."),
        ("margin: 0.0", "margin:", "margin has no value. Write one after the colon, or take"),
        ("margin: 0.0", "margin: [1]",
         "margin is no number; it says [1]. Write a number, such as 0.02."),
        ("needed: 1", "needed: 0",
         "From 1 to 9 people, or all, agree. It says 0. Write such a number, or all."),
        ("needed: 1", "needed: 1.5", "needed is no whole number; it says 1.5. Write a whole"),
        ("context: evaluation", "context: ''",
         "context is empty; it takes at least 1 character. Write what belongs after `context:`."),
        ("context: evaluation", "context: 5", "context is no text; it says 5. Write it in quotes."),
        ("name: baseline", "name: Base Line",
         'it says "Base Line". Write small letters, digits and hyphens, beginning with a letter'),
        ("better: lower", "better: smaller",
         "better cannot be \"smaller\". Write 'higher' or 'lower'."),
        ("{review_within_days: 3}", "{review_within_days: 90}",
         "review_within_days must be less than or equal to 30; it says 90. Write 30, or a smaller"),
        ("{review_within_days: 3}", "soon", "emergency is no list of `key: value`"),
        ("names: [auc, roc_auc]", "names: []",
         "names is empty; it takes at least 1 item. Write at least one below it"),
        ("names: [auc, roc_auc]", "names: auc", 'names is no list; it says "auc". Write a list'),
        ("title: Owner", f"title: {'x' * 301}",
         "title is too long: 300 characters are read. Say it in 300 characters or fewer."),
        ("kind: owner_present", "kind: owner_present\n    may_wait: perhaps",
         'may_wait is neither true nor false; it says "perhaps". Write true or false.'),
        ("version: 1", "version: 1\nfreezes: [{first: soon, last: '2027-01-03', why: x}]",
         "Write year-month-day, such as 2026-12-31."),
    ],
)  # fmt: skip
def test_a_wrong_value_is_told_in_our_words_with_what_to_write(
    before: str, after: str, told: str
) -> None:
    assert before in BASELINE
    found = problems_of(BASELINE.replace(before, after, 1))
    assert any(told in one for one in found), found
    assert not any("Input should be" in one or "Correct it" in one for one in found)


def test_a_policy_without_gates_is_refused_with_one_to_begin_with() -> None:
    text = BASELINE[: BASELINE.index("gates:\n")] + "gates: []\n"
    (told,) = problems_of(text)
    assert "gates is empty; it takes at least 1 item. What asks nothing is refused." in told
    begin = told.partition("such as `")[2].partition("`")[0]
    assert read(BASELINE[: BASELINE.index("gates:\n")] + f"gates:\n  {begin}\n").gates


def test_a_key_that_is_missing_is_named() -> None:
    text = BASELINE.replace("context: evaluation\n", "")
    assert "context is missing" in problems_of(text)[0]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "empty"),
        ("- a\n- b\n", "key: value"),
        ("just words", "key: value"),
        ("a: 1\n---\nb: 2\n", "second document"),
        ("a: " + "[" * 40 + "]" * 40, "deeper"),
        ("a: " + "[" * 5_000, "deeper"),
        ("x: \x00", "no YAML"),
        ("#" * (1024 * 1024), "bytes"),
        ("a: &a [x, x]\nb: &b [*a, *a, *a]\nc: [*b, *b, *b]\n", "References"),
        ("a: &a [*a]\n", "References"),
        ("<<: {name: x}\n", "twice"),
        ("a: [" + "1," * 6_000 + "]", "deeper or longer"),
    ],
)
def test_what_is_no_policy_at_all_is_refused_in_words(text: str, told: str) -> None:
    assert told in problems_of(text)[0]


def test_every_problem_is_told_at_once_in_the_order_of_the_file() -> None:
    text = BASELINE.replace("margin: 0.0", "margin: x").replace("kind: owner_present", "kind: y")
    told = problems_of(text)
    assert len(told) == 2
    assert [int(one.split()[1].rstrip(",:")) for one in told] == sorted(
        int(one.split()[1].rstrip(",:")) for one in told
    )


@given(st.text(max_size=400))
def test_whatever_is_written_is_a_policy_or_a_problem_in_words(text: str) -> None:
    with suppress(NotAPolicy):
        read(text)


@pytest.mark.parametrize("pack", [one.policy for one in packs()], ids=lambda one: one.name)
def test_a_shipped_policy_names_its_sources_and_keeps_its_digest(pack: Policy) -> None:
    again = from_body(json.dumps(pack.plain))
    assert again == pack
    assert again.digest == pack.digest
    assert pack.purpose
    assert pack.sources
    jsonschema.validate(pack.plain, schema())


def test_the_schema_knows_every_gate() -> None:
    said = str(schema())
    assert all(kind in said for kind in KINDS)


def test_an_unknown_pack_is_refused_by_name() -> None:
    with pytest.raises(Invalid, match="nothing-like-it"):
        pack_text("nothing-like-it")


def covering(**lists: list[str] | list[int]) -> AppliesTo:
    return AppliesTo.model_validate(lists)


HIGH = Classified(1, "High", "Lending", "champion", "regression")


@pytest.mark.parametrize(
    ("rule", "covers"),
    [
        (covering(), True),
        (covering(tiers=[1, 2]), True),
        (covering(tiers=[3]), False),
        (covering(classes=["High"], domains=["Lending"]), True),
        (covering(classes=["High"], domains=["Fraud"]), False),
        (covering(aliases=["shadow"]), False),
        (covering(tasks=["regression"]), True),
    ],
)
def test_a_policy_covers_what_every_list_of_it_names(rule: AppliesTo, covers: bool) -> None:  # noqa: FBT001
    assert rule.covers(HIGH) is covers


def test_what_nobody_has_classified_is_covered_by_no_list() -> None:
    unknown = Classified(0, "", "", "champion", "")
    assert not covering(tiers=[1, 2, 3]).covers(unknown)
    assert not covering(classes=["High", "Limited", "Minimal", "Prohibited"]).covers(unknown)


def test_of_several_the_smallest_priority_governs_and_of_none_nothing() -> None:
    every = [Published(one.policy, one.digest) for one in packs()]
    first = governing(every, HIGH)
    assert first is not None
    assert first.policy.name == "eu-ai-act-high-risk"
    second = governing(every, Classified(2, "Limited", "Lending", "champion", ""))
    assert second is not None
    assert second.policy.name == "sr-26-2"
    assert governing([], HIGH) is None


def test_a_file_as_large_as_is_read_is_read() -> None:
    text = BASELINE + "#" * (LARGEST_BYTES - len(BASELINE.encode()))
    assert read(text).name == "baseline"
