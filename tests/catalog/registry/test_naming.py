"""Naming rules: published, tried on the inventory, and enforced on requests."""

from __future__ import annotations

from dataclasses import replace

import pytest

from catalog.registry.inventory.naming import Written
from ledger.errors import Conflict, Invalid, NotFound, Refused
from tests.cast import DOMAIN, WHY, House

RULE = Written(
    "", "{domain}-{purpose}-{kind:pd|lgd}", "Domain, purpose and kind.", "lending-loans-pd"
)


def named(house: House, *names: str) -> None:
    for name in names:
        house.mlflow.register(name)
    house.mirror()


def test_a_rule_is_tried_on_the_present_inventory_before_anybody_publishes_it(
    house: House,
) -> None:
    house.credit()
    house.credit(name="lending-loans-pd")
    named(house, "zeta", "lending-loans-lgd")
    seen: list[int] = []
    trial = house.portal.naming.trial(RULE.template, by=house.grace, progress=seen.append)
    assert (trial.checked, trial.broken, seen) == (4, 3, [4])
    assert [one.name for one in trial.first] == ["credit-pd", "lending-loans-lgd", "zeta"]
    assert trial.first[0].why == "Its character 1 is 'c', expected is its domain, 'lending'."
    assert "nobody has said yet" in trial.first[1].why
    assert house.portal.naming.trial(RULE.template, by=house.erik, limit=1).broken == 3
    in_domain = house.portal.naming.trial(RULE.template, DOMAIN, by=house.grace)
    assert (in_domain.checked, in_domain.broken) == (2, 1)
    assert house.portal.naming.in_force() == []


def test_all_that_break_a_rule_come_as_a_table_that_computes_nothing(house: House) -> None:
    named(house, "=1+1", "lending-loans-pd", "@sum")
    table = house.portal.naming.broken_csv("{word}-{word}-{word}", by=house.grace).decode()
    lines = table.split("\r\n")
    assert lines[0].endswith("name,server,workspace,domain,why")
    assert [line.split(",")[0] for line in lines[1:-1]] == ["'=1+1", "'@sum"]


def test_a_rule_of_a_domain_goes_before_the_general_one(house: House) -> None:
    house.credit()
    named(house, "other-x-pd")
    naming = house.portal.naming
    naming.publish(Written(DOMAIN, "credit-{word}", "Credit first.", "credit-pd"), by=house.grace)
    # The general rule is not tried on models that have a rule of their own.
    assert naming.trial(RULE.template, by=house.grace).checked == 1
    naming.publish(RULE, by=house.grace)
    house.asked()


def test_a_request_for_a_model_whose_name_breaks_the_rule_is_refused_with_the_reason(
    house: House,
) -> None:
    house.credit()
    rule = house.portal.naming.publish(RULE, by=house.grace)
    version = house.version(2)
    preview = house.portal.requests.preview(version.id, "champion", by=house.alice)
    assert not preview.may_request
    with pytest.raises(Refused) as refusal:
        house.portal.requests.request(version.id, "champion", WHY, by=house.alice)
    assert refusal.value.code == "name-breaks-rule"
    assert refusal.value.message == preview.may_request.reason
    assert RULE.message in refusal.value.message
    assert RULE.example in refusal.value.hint
    last = house.records("release:request")[-1]
    assert (last.outcome, last.reason) == ("refused", "name-breaks-rule")
    assert last.facts["naming-rule"] == rule.id
    house.portal.naming.end(rule.id, by=house.grace)
    house.asked()
    assert "naming-rule" not in house.records("release:request")[-1].facts


def test_a_request_keeps_the_rule_it_was_asked_under(house: House) -> None:
    house.credit()
    rule = house.portal.naming.publish(
        replace(RULE, template="{word}-{word}", example="credit-pd"), by=house.grace
    )
    house.asked()
    assert house.records("release:request")[-1].facts["naming-rule"] == rule.id


def test_rules_are_numbered_and_the_one_before_ends(house: House) -> None:
    naming = house.portal.naming
    first = naming.publish(RULE, by=house.grace)
    second = naming.publish(replace(RULE, message="Said better."), by=house.grace)
    assert (first.version, second.version) == (1, 2)
    assert [one.id for one in naming.in_force()] == [second.id]
    naming.end(second.id, by=house.grace)
    third = naming.publish(RULE, by=house.grace)
    assert third.version == 3
    assert [one.version for one in naming.ended()] == [2, 1]
    published = house.records("naming:publish")
    assert published[1].facts["replaces"] == first.id
    assert RULE.template not in published[0].body
    assert published[0].texts["template"] == RULE.template


def test_the_same_rule_is_not_published_twice(small_house: House) -> None:
    small_house.portal.naming.publish(RULE, by=small_house.grace)
    with pytest.raises(Conflict):
        small_house.portal.naming.publish(RULE, by=small_house.grace)


def test_a_rule_ends_once(small_house: House) -> None:
    rule = small_house.portal.naming.publish(RULE, by=small_house.grace)
    small_house.portal.naming.end(rule.id, by=small_house.grace)
    with pytest.raises(Conflict):
        small_house.portal.naming.end(rule.id, by=small_house.grace)
    with pytest.raises(NotFound):
        small_house.portal.naming.end("nam_none", by=small_house.grace)


@pytest.mark.parametrize("name", ["alice", "bob", "carol", "dave", "erik", "robot"])
def test_only_governance_publishes_rules(small_house: House, name: str) -> None:
    by = small_house.robot if name == "robot" else small_house.who(name)
    rule = small_house.portal.naming.publish(RULE, by=small_house.grace)
    with pytest.raises(Refused):
        small_house.portal.naming.publish(replace(RULE, message="Mine."), by=by)
    with pytest.raises(Refused):
        small_house.portal.naming.end(rule.id, by=by)


@pytest.mark.parametrize("name", ["alice", "bob", "carol", "dave"])
def test_a_trial_lists_the_whole_inventory_so_not_everybody_tries(
    small_house: House, name: str
) -> None:
    for ask in (small_house.portal.naming.trial, small_house.portal.naming.broken_csv):
        with pytest.raises(Refused):
            ask(RULE.template, by=small_house.who(name))


@pytest.mark.parametrize(
    ("written", "code"),
    [
        (replace(RULE, template="(a+)+"), "bad-template"),
        (replace(RULE, example="Loans"), "bad-example"),
        (replace(RULE, example=""), "bad-example"),
        (replace(RULE, domain="Cards"), "bad-example"),
        (replace(RULE, message=" "), "bad-message"),
        (replace(RULE, message="x" * 301), "bad-message"),
        (replace(RULE, message="a\x00"), "bad-message"),
        (replace(RULE, domain="x" * 81), "invalid"),
    ],
)
def test_what_is_no_rule_is_no_act(small_house: House, written: Written, code: str) -> None:
    before = small_house.records()
    with pytest.raises(Invalid) as refusal:
        small_house.portal.naming.publish(written, by=small_house.grace)
    assert (refusal.value.code, bool(refusal.value.hint)) == (code, True)
    assert small_house.records() == before
