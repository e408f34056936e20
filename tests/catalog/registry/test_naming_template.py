"""The template language of naming rules: what it lets through, and that it can never be slow."""

from __future__ import annotations

import re
import string
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.registry.inventory.template import (
    KINDS,
    LONGEST_NAME,
    LONGEST_TEMPLATE,
    Matcher,
    matcher,
    needs_domain,
    parse,
    slug,
)
from ledger.errors import Invalid

# What each kind lets through, said once more in another language.
_MEANS = {
    "word": "[a-z][a-z0-9]*",
    "words": "[a-z][a-z0-9]*(-[a-z][a-z0-9]*)*",
    "letters": "[a-z]+",
    "digits": "[0-9]+",
    "any": r"[A-Za-z0-9\-_.]+",
}


@pytest.mark.parametrize(
    ("template", "name", "follows"),
    [
        ("{domain}-{word}-{word}", "retail-credit-loan-pd", True),
        ("{domain}-{word}-{word}", "retail-credit-loan", False),
        ("{domain}-{word}-{word}", "credit-loan-pd", False),
        ("{domain}-{word}-{word}", "retail-credit-loan-Pd", False),
        ("{domain}-{word}-{word}", "retail-credit-loan-pd ", False),
        ("{purpose}", "loan", True),
        ("{purpose}", "1oan", False),
        ("{kind:pd|lgd|ead}", "lgd", True),
        ("{kind:pd|lgd|ead}", "lg", False),
        ("{kind:p|pd}-{n:digits}", "pd-12", True),
        ("{words}-{digits}", "a-b-c-9", True),
        ("{words}-{digits}", "a-b-c-", False),
        ("{words}", "a-b1", True),
        ("{words}", "a-1b", False),
        ("{words}", "a--b", False),
        ("{word}[-{digits}]", "loan", True),
        ("{word}[-{digits}]", "loan-3", True),
        ("{word}[-{digits}]", "loan-", False),
        ("[x-]{word}", "x-loan", True),
        ("[x-]{word}[-y]", "loan-y", True),
        ("[x-]{word}[-y]", "y-loan", False),
        ("[a][b]c", "ac", True),
        ("[a][b]c", "c", True),
        ("[a][b]c", "bac", False),
        ("{any}.v1", "Loan_X.v1", True),
        ("Loan {word}", "Loan pd", True),
        ("{word}", "", False),
        ("{word}", "a" * LONGEST_NAME, True),
        ("{word}", "a" * (LONGEST_NAME + 1), False),
    ],
)
def test_a_name_follows_a_template_or_not(
    template: str,
    name: str,
    follows: bool,  # noqa: FBT001
) -> None:
    assert Matcher(template, "Retail credit").follows(name) == follows


@pytest.mark.parametrize(
    ("template", "name", "at", "expected"),
    [
        ("{domain}-{word}", "retail_credit-x", 6, "its domain, 'retail-credit'"),
        ("{domain}-{word}", "credit-x", 0, "its domain, 'retail-credit'"),
        ("{domain}-{word}", "retail-credit_x", 13, "'-'"),
        ("[x-]{domain}", "credit", 0, "'r' or 'x'"),
        ("{word}-{digits}", "loan-x", 5, "a digit"),
        ("{word}-{digits}", "loan-", 5, "a digit"),
        ("{word}", "loan-pd", 4, "a small letter or a digit or the end"),
    ],
)
def test_a_breach_says_where_and_what_should_stand_there(
    template: str, name: str, at: int, expected: str
) -> None:
    breach = Matcher(template, "Retail credit").breach(name)
    assert breach is not None
    assert (breach.at, breach.expected) == (at, expected)


def test_a_model_of_no_domain_follows_no_rule_that_names_it() -> None:
    breach = Matcher("{domain}-{word}", "").breach("retail-pd")
    assert breach is not None
    assert "nobody has said yet" in breach.expected
    assert Matcher("{word}-{word}", "").follows("retail-pd")


def test_the_example_of_a_general_rule_is_of_any_domain() -> None:
    assert Matcher("{domain}-{word}", None).follows("private-banking-wine")


@pytest.mark.parametrize(
    ("domain", "expected"),
    [("Retail credit", "retail-credit"), ("  A/B  & C ", "a-b-c"), ("", ""), ("Über", "ber")],
)
def test_a_domain_is_spelt_as_a_name_can_hold_it(domain: str, expected: str) -> None:
    assert slug(domain) == expected


@pytest.mark.parametrize(
    "template",
    [
        "",
        "x" * (LONGEST_TEMPLATE + 1),
        "{",
        "{word",
        "word}",
        "{}",
        "{Word}",
        "{word:}",
        "{word:nothing}",
        "{word:a||b}",
        "{word:|}",
        "{word:" + "|".join("abcdefghijklmnopqrstuvw") + "}",
        "[{word}",
        "{word}]",
        "[[{word}]]",
        "[]{word}",
        "(a+)+$",
        ".*",
        "^a$",
        "a\\d",
        "a\x00",
        "é",
    ],
)
def test_what_is_no_template_is_refused_with_an_example_of_one(template: str) -> None:
    with pytest.raises(Invalid) as refusal:
        parse(template)
    assert refusal.value.code == "bad-template"
    assert "{domain}" in refusal.value.hint


def test_whether_a_template_depends_on_the_domain_is_known() -> None:
    assert needs_domain("{domain}-{word}")
    assert not needs_domain("{word}-domain")


@pytest.mark.parametrize("template", ["a[0{x:any}]", "[0][0{x:any}]a", "a[-{x:digits}]"])
def test_what_may_be_left_out_is_left_out_whole(template: str) -> None:
    made = Matcher(template, "")
    assert made.follows("a")
    assert not made.follows("a1")
    assert not made.follows("1a")


_plain = st.text(string.ascii_lowercase + string.digits + "-_. ", min_size=1, max_size=3)
_kind = st.sampled_from(sorted(_MEANS))
_choice = st.lists(st.text("abc", min_size=1, max_size=3), min_size=2, max_size=4, unique=True).map(
    lambda one: ("{x:" + "|".join(one) + "}", "(" + "|".join(one) + ")")
)
_piece = st.one_of(
    _plain.map(lambda one: (one, re.escape(one))),
    _kind.map(lambda one: ("{x:" + one + "}", f"({_MEANS[one]})")),
    _choice,
)
_optional = st.lists(_piece, min_size=1, max_size=2).map(
    lambda pieces: (
        "[" + "".join(one for one, _ in pieces) + "]",
        "(" + "".join(one for _, one in pieces) + ")?",
    )
)
_template = st.lists(st.one_of(_piece, _optional), min_size=1, max_size=6).map(
    lambda pieces: ("".join(one for one, _ in pieces), "".join(one for _, one in pieces))
)


@settings(max_examples=250, deadline=None)
@given(_template, st.data())
def test_templates_let_through_what_the_same_regular_expression_lets_through(
    both: tuple[str, str], data: st.DataObject
) -> None:
    template, expression = both
    made = Matcher(template, "")
    name = data.draw(
        st.one_of(
            st.from_regex(re.compile(expression), fullmatch=True).filter(lambda n: len(n) < 60),
            st.text("abcxyz019-_. A", max_size=12),
        )
    )
    assert made.follows(name) == bool(re.fullmatch(expression, name))


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=60))
def test_any_text_is_read_or_refused_in_words(template: str) -> None:
    try:
        parts = parse(template)
    except Invalid:
        return
    assert parts
    Matcher(template, "Lending").breach("lending-pd")


@pytest.mark.parametrize(
    "template",
    [
        "{words}-{words}-{words}-{words}-{words}x",
        "{any}{any}{any}{any}{any}x",
        "{any}a" + "{x:a|b}" * 20,
    ],
)
def test_a_name_made_to_hurt_is_read_in_the_time_of_its_length(template: str) -> None:
    made = Matcher(template, "")
    began = time.process_time()
    for name in ("a-" * 249, "a" * 499, "ab" * 249):
        made.breach(name)
    assert time.process_time() - began < 1.0


def test_what_a_matcher_remembers_is_bounded() -> None:
    made = Matcher("{any}a" + "{x:a|b}" * 20, "")
    for number in range(300):
        made.follows(f"{number:020b}".replace("0", "a").replace("1", "b") * 20)
    assert len(made._steps) <= 20_000


def test_a_hundred_thousand_names_are_read_within_seconds() -> None:
    ready = matcher("{domain}-{words}-{digits}", "Lending")
    began = time.process_time()
    assert all(ready.follows(f"lending-loan-pd-{number}") for number in range(100_000))
    assert time.process_time() - began < 5.0


def test_every_kind_is_explained() -> None:
    assert set(KINDS) == {*_MEANS, "domain"}
