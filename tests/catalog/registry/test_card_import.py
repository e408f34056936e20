"""A card brought as a file: what is taken, what is not, and what no file can do."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auth.actors import Scope
from auth.permissions import Role
from catalog.registry.cards.body import Assessment, CardBody, Figure, Risk, read, shaped
from catalog.registry.cards.bom import line_of, read_json
from catalog.registry.cards.exports import FORMATS, Edition, Format, export
from catalog.registry.cards.file import BY_MACHINE, LARGEST_FILE_BYTES, NO_FIELD, text_of
from catalog.registry.cards.hub import LARGEST_HEAD_BYTES, read_markdown
from catalog.registry.cards.importing import Plan
from catalog.registry.cards.rules import APPROACHES, problems
from ledger.errors import Conflict, Invalid, NotFound, Refused
from tests.cast import House
from tests.catalog.registry.cards import COMPLETE, hostile
from tests.catalog.registry.test_card_exports import AT, facts

DONE = "A person decides on every refusal."
HUB = """---
license: mit
pipeline_tag: tabular-classification
co2_eq_emissions:
  emissions: 12
  hardware_used: one 8-core machine
---
# Credit PD

A model.

## Uses

### Direct Use

Decide on **unsecured** retail loans,
at application.

### Out-of-Scope Use

- Business loans
- Customers outside [Norrland](https://norrland.example)

## Bias, Risks, and Limitations

[More Information Needed]

## Ethical considerations

- Refusing people who would repay
  - What is done about it: A person decides on every refusal.

## Training Details

Trained on loans.

| a | b |
|---|---|
"""


def brought(house: House, data: str | bytes) -> Plan:
    raw = data.encode() if isinstance(data, str) else data
    return house.portal.card_import.dry_run(house.model(), raw, by=house.alice)


def assert_told(problem: Invalid) -> None:
    assert problem.message.startswith("Line ")
    assert problem.hint


# -- what is taken ---------------------------------------------------------------------------------


def test_a_card_of_the_hub_is_tried_field_by_field_and_published_in_one_act(house: House) -> None:
    house.credit()
    plan = brought(house, HUB)
    assert (plan.kind, plan.based_on) == ("Hugging Face card", 0)
    assert [(one.title, one.before, one.after) for one in plan.changes] == [
        ("Intended use", (), ("Decide on unsecured retail loans, at application.",)),
        (
            "Not meant for",
            (),
            ("Business loans", "Customers outside Norrland (https://norrland.example)"),
        ),
        (
            "Ethical risks",
            (),
            (f"Refusing people who would repay. What is done about it: {DONE}",),
        ),
        (
            "Environment",
            (),
            ("Emissions: 12 g CO2 equivalent; Hardware used: one 8-core machine",),
        ),
    ]
    assert [(one.line, one.what, one.why) for one in plan.left] == [
        (2, "license of the head", NO_FIELD),
        (3, "pipeline_tag of the head", BY_MACHINE),
        (
            8,
            "the text before the first section",
            "MLflow keeps the name and the description.",
        ),
        (33, "the section 'Training Details'", NO_FIELD),
    ]
    assert (plan.completeness_before, plan.completeness_after) == (0, 50)
    assert house.portal.cards.of(house.model()) is None

    made = house.portal.card_import.run(house.model(), HUB.encode(), based_on=0, by=house.alice)
    assert (made.revision, made.body) == (1, plan.body)
    (record,) = house.records("card:publish")
    assert record.facts["brought_as"] == "hugging-face-card"
    assert record.digests["file"] == f"sha256:{plan.digest}"
    assert "Norrland" not in record.body


def test_what_the_file_does_not_say_stays(small_house: House) -> None:
    house = small_house
    house.credit()
    house.portal.cards.publish(house.model().id, COMPLETE, based_on=0, by=house.alice)
    plan = brought(house, "## Users\n\n- Underwriters\n\n## Limitations\n\nNot written yet.\n")
    assert [one.field for one in plan.changes] == ["users"]
    assert plan.body == replace(COMPLETE, users=("Underwriters",))
    assert (plan.completeness_before, plan.completeness_after) == (100, 100)


def test_a_file_that_says_nothing_new_publishes_nothing(small_house: House) -> None:
    house = small_house
    house.credit()
    first = house.portal.cards.publish(house.model().id, COMPLETE, based_on=0, by=house.alice)
    data = export("cyclonedx", Edition(COMPLETE), facts(), at=AT).encode()
    assert brought(house, data).changes == ()
    with pytest.raises(Conflict, match="nothing to publish"):
        house.portal.card_import.run(house.model(), data, based_on=1, by=house.alice)
    assert house.portal.cards.of(house.model()) == first


def test_whoever_brings_a_file_second_is_told(small_house: House) -> None:
    house = small_house
    house.credit()
    house.portal.cards.publish(house.model().id, COMPLETE, based_on=0, by=house.alice)
    with pytest.raises(Conflict, match="was published since"):
        house.portal.card_import.run(house.model(), HUB.encode(), based_on=0, by=house.alice)
    with pytest.raises(NotFound):
        house.portal.card_import.run(house.model(), HUB.encode(), based_on=7, by=house.alice)


def test_who_may_not_write_has_no_file_read_and_it_is_recorded(small_house: House) -> None:
    house = small_house
    house.credit()
    with pytest.raises(Refused):
        house.portal.card_import.dry_run(house.model(), b"\xff", by=house.bob)
    with pytest.raises(Refused):
        house.portal.card_import.run(house.model(), b"\xff", based_on=0, by=house.bob)
    assert len(house.records("card:publish", outcome="refused")) == 1
    olga = house.join("olga", Role.MODEL_OWNER, Scope("domain", "Cards"))
    with pytest.raises(Refused):
        house.portal.card_import.run(house.model(), HUB.encode(), based_on=0, by=olga)


def test_what_breaks_a_rule_is_told_by_its_line_and_not_published(small_house: House) -> None:
    house = small_house
    house.credit()
    data = "## Users\n\n- Underwriters\n- tbd\n\n## Ethical risks\n\n- Refusals\n"
    plan = brought(house, data)
    assert [(one.line, one.said) for one in plan.faults] == [
        (4, "Users, entry 2 says nothing."),
        (8, "Ethical risks, entry 1 lacks what is done about it."),
    ]
    assert not plan.may_be_published
    with pytest.raises(Invalid, match=r"^Line 4: Users, entry 2 says nothing\.$"):
        house.portal.card_import.run(house.model(), data.encode(), based_on=0, by=house.alice)


def test_a_foreign_bill_of_materials_keeps_its_own_figures_and_loses_mlflows_part() -> None:
    bom = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.7",
        "components": [
            {"type": "library", "name": "numpy"},
            {
                "type": "machine-learning-model",
                "name": "other",
                "modelCard": {
                    "bom-ref": "x",
                    "modelParameters": {"task": "regression", "approach": {"type": "supervised"}},
                    "quantitativeAnalysis": {
                        "performanceMetrics": [{"type": "AUC", "value": "0.8"}],
                        "graphics": {},
                    },
                    "considerations": {
                        "users": ["Clerks"],
                        "environmentalConsiderations": {"energyConsumptions": []},
                    },
                    "properties": [{"name": "acme:owner", "value": "x"}],
                },
            },
        ],
    }
    told = read_json(json.dumps(bom, indent=1), "credit-pd")
    assert told.body == CardBody(
        users=("Clerks",), approach="supervised", figures=(Figure("AUC", "0.8"),)
    )
    assert {(one.what, one.why) for one in told.left} == {
        ("bom-ref", BY_MACHINE),
        ("modelParameters.task", BY_MACHINE),
        ("quantitativeAnalysis.graphics", NO_FIELD),
        ("considerations.environmentalConsiderations.energyConsumptions", NO_FIELD),
        ("the property acme:owner", NO_FIELD),
    }
    lines = json.dumps(bom, indent=1).split("\n")
    for one in told.left:
        assert one.what.rpartition(".")[2].rpartition(" ")[2] in "".join(
            lines[one.line - 1 : one.line + 1]
        )


# -- what is refused -------------------------------------------------------------------------------


def card(**considerations: object) -> str:
    return json.dumps({"considerations": considerations}, indent=1)


@pytest.mark.parametrize(
    ("data", "line", "said"),
    [
        (b"", 1, "empty"),
        (b"\xff\xfe", 1, "no UTF-8 text"),
        (b"## Users\n\n- \xff", 3, "no UTF-8 text"),
        (b"just words", 0, ""),
        (b"[1, 2]", 1, "no object"),
        (b'{"a": 1}', 1, "no model card"),
        (b'{"considerations": {\n  "users": [,]}}', 2, "no JSON"),
        (b'{"considerations": {}, "considerations": {}}', 1, "twice"),
        (b'{"considerations": ' + b"[" * 60_000, 1, "nested without end"),
        (b'{"considerations": ' + b"[" * 30 + b"]" * 30 + b"}", 1, "nested deeper"),
        (card(users=["a", 3]).encode(), 5, r"users\[1\] is no text"),
        (card(users="a").encode(), 3, "users is no list"),
        (card(ethicalConsiderations=[{"name": "x", "cost": 1}]).encode(), 6, "cost is no field"),
        (b'{"bomFormat": "CycloneDX",\n"components": 3}', 2, "components is no list"),
        (b'{"bomFormat": "CycloneDX",\n"components": []}', 2, "has a modelCard"),
        (b"---\nlicense: mit\n", 1, "never ends"),
        (b"---\nlicense: mit\nlicense: mit\n---\n", 3, "twice"),
        (b"---\n- a\n---\n", 2, "no list of keys"),
        (b"---\na: &x [1]\nb: *x\n---\n", 2, "an anchor"),
        (b"---\na: 1\nb: *x\n---\n", 3, "an anchor"),
        (b"---\na: !!python/object/apply:os.system ['id']\n---\n", 2, "a tag"),
        (b"---\na: [1, 2\n---\n", 2, "cannot be read"),
        (b"---\na: " + b"[" * 5_000 + b"\n---\n", 2, "nested deeper"),
        (b"---\n? [a]\n: b\n---\n", 2, "no text"),
        (b"---\n" + b"a: 1 # long\n" * 3_000 + b"---\n", 1, "32 KB"),
        (b"---\nco2_eq_emissions: [1]\n---\n", 2, "is a list"),
        (b"---\nco2_eq_emissions:\n  emissions: {a: 1}\n---\n", 3, "no plain value"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_its_line_and_a_remedy(
    small_house: House, data: bytes, line: int, said: str
) -> None:
    small_house.credit()
    if not line:
        assert brought(small_house, data).changes == ()
        return
    with pytest.raises(Invalid, match=said) as refused:
        brought(small_house, data)
    assert refused.value.message.startswith(f"Line {line}: "), refused.value.message
    assert refused.value.hint


def test_a_file_of_more_than_a_megabyte_is_not_read(small_house: House) -> None:
    small_house.credit()
    with pytest.raises(Invalid) as refused:
        brought(small_house, b"#" * (LARGEST_FILE_BYTES + 1))
    assert refused.value.code == "card-file-too-large"


@pytest.mark.parametrize(
    "data",
    [
        # References that would unfold to billions of entries.
        "---\na: &a [x, x, x, x, x, x, x, x, x]\n"
        + "".join(
            f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]\n"
            for a, b in zip("abcdefgh", "bcdefghi", strict=True)
        )
        + "---\n",
        "---\na: [" + "x, " * (LARGEST_HEAD_BYTES // 3 - 10) + "]\n---\n",
        "- a\n" * (LARGEST_FILE_BYTES // 4),
        "## Users\n" + "- a\n" * (LARGEST_FILE_BYTES // 4 - 10),
        "## Users\n" + "\\" * (LARGEST_FILE_BYTES - 100),
        "## Users\n" + "[a](" * (LARGEST_FILE_BYTES // 4 - 10),
        "## Users\n" + "**a" * (LARGEST_FILE_BYTES // 3 - 10),
        "# " + " #" * (LARGEST_FILE_BYTES // 2 - 10) + "x",
        "* " * (LARGEST_FILE_BYTES // 2 - 10) + "x",
        json.dumps({"considerations": {"users": ["a"] * 200_000}}),
    ],
    ids=["bomb", "list", "intro", "entries", "escapes", "links", "bold", "heading", "rule", "json"],
)
def test_no_file_costs_more_than_its_length(data: str) -> None:
    began = time.process_time()
    try:
        told = read_markdown(text_of(data.encode())) if data[0] != "{" else read_json(data, "x")
        assert isinstance(told.body, CardBody)
    except Invalid:
        pass
    assert time.process_time() - began < 10


# -- our own export comes back ---------------------------------------------------------------------


def _texts(least: int = 1) -> st.SearchStrategy[str]:
    return (hostile | st.text(min_size=least, max_size=30)).map(
        lambda said: " ".join(said.split()) or "x"
    )


def _entries(one: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(one, max_size=3).map(tuple)


_NUMBERS = st.integers(-99, 99).map(str)
_BODIES = st.builds(
    CardBody,
    use_cases=_entries(_texts()),
    out_of_scope=_entries(_texts()),
    users=_entries(_texts()),
    limitations=_entries(_texts()),
    tradeoffs=_entries(_texts()),
    risks=_entries(st.builds(Risk, _texts(), _texts())),
    assessments=_entries(
        st.builds(Assessment, _texts(), _texts() | st.just(""), _texts(), _texts())
    ),
    environment=_entries(_texts()),
    approach=st.sampled_from(["", *APPROACHES]),
    family=_texts() | st.just(""),
    architecture=_texts() | st.just(""),
    figures=_entries(
        st.builds(Figure, _texts(), _NUMBERS, _texts() | st.just(""))
        | st.builds(Figure, _texts(), st.just("0"), _texts(), st.just("-1"), st.just("1"))
    ),
)


@settings(max_examples=150, deadline=None)
@given(body=_BODIES, words=hostile)
@pytest.mark.parametrize("wanted", FORMATS)
def test_a_card_we_export_comes_back_as_it_was(wanted: Format, body: CardBody, words: str) -> None:
    body = read(shaped(body))
    if problems(body):
        # What no rule lets through is never published, so it is never exported.
        body = COMPLETE
    told = _back(wanted, body, words)
    assert told == body


def _back(wanted: Format, body: CardBody, words: str) -> CardBody:
    text = export(wanted, Edition(body, 3, "ab" * 32, AT, words), facts(words or "x", words), at=AT)
    data = text_of(text.encode())
    told = read_json(data, "credit-pd") if data.startswith("{") else read_markdown(data)
    return told.body


def test_the_whole_of_a_complete_card_comes_back_in_every_format() -> None:
    for wanted in FORMATS:
        assert _back(wanted, COMPLETE, "Probability of default.") == COMPLETE


@settings(max_examples=100, deadline=None)
@given(hostile | st.text(max_size=400))
def test_whatever_is_brought_is_read_or_refused_in_words(text: str) -> None:
    try:
        told = read_markdown(text_of(text.encode("utf-8", "surrogatepass")))
    except Invalid as problem:
        assert_told(problem)
    else:
        assert all(len(getattr(told.body, name)) <= len(text) for name in ("users", "risks"))


@settings(max_examples=50, deadline=None)
@given(
    st.recursive(
        st.none() | st.integers() | hostile,
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["considerations", "users", "properties", "name", "modelCard"]),
                inner,
            )
        ),
        max_leaves=8,
    )
)
def test_whatever_json_is_brought_is_read_or_refused_in_words(value: object) -> None:
    text = json.dumps(value)
    try:
        read_json(text, "x")
    except Invalid as problem:
        assert_told(problem)


def test_a_place_in_a_json_text_is_found_by_its_line() -> None:
    text = '{\n "a": [1,\n  {"b": "]}"},\n  {"b": [\n   2]}],\n "c": 3}'
    assert line_of(text, ("a", 2, "b", 0)) == 5
    assert line_of(text, ("c",)) == 6
    assert line_of(text, ("a", 9)) == 2
    assert line_of(text, ("missing",)) == 1
