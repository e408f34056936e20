"""Past decisions asked again give the same verdict; a draft is tried on them before it binds."""

from __future__ import annotations

from catalog.releases.policies.reading import pack_text, read
from tests.cast import House

BASELINE = pack_text("baseline")


def test_every_past_approval_gives_the_same_verdict_byte_for_byte(house: House) -> None:
    house.credit()
    house.approved(2)
    house.deliver()
    house.mlflow.describe_version("credit-pd", 2, "Changed long after.")
    house.mirror()
    (again,) = house.portal.replay.decisions(by=house.erik)
    assert again.kept
    assert again.is_same
    assert again.now.passes


def test_a_changed_threshold_shows_exactly_which_past_requests_flip(house: House) -> None:
    house.credit()
    house.approved(2)
    house.deliver()
    same = house.portal.replay.trial(read(BASELINE), by=house.grace)
    assert [one.has_flipped for one in same.requests] == [False] * len(same.requests) != []
    strict = BASELINE.rstrip() + (
        "\n  - {id: bound, kind: metric_threshold, title: Bound, asks: Nearly perfect,"
        " names: [roc_auc], label: AUC, at_least: 0.999}\n"
    )
    tried = house.portal.replay.trial(read(strict), by=house.grace)
    flipped = [one for one in tried.requests if one.has_flipped]
    assert [(one.version, one.after.standing_in_the_way) for one in flipped] == [(2, ("Bound",))]
    assert [(one.version, one.verdict.passes) for one in tried.live] == [(2, False)]
    assert house.records("policy:publish") == []


def test_a_trial_shows_nobody_what_they_may_not_read(house: House) -> None:
    house.credit()
    house.approved(2)
    tried = house.portal.replay.trial(read(BASELINE), by=house.dave)
    assert (tried.requests, tried.live) == ((), ())
    assert house.portal.replay.decisions(by=house.dave) == []


def test_what_a_policy_does_not_cover_is_counted_and_left_alone(house: House) -> None:
    house.credit()
    house.approved(2)
    text = BASELINE.replace("title: Baseline", "applies_to: {tiers: [3]}\ntitle: Base", 1)
    tried = house.portal.replay.trial(read(text), by=house.grace)
    assert tried.requests == ()
    assert tried.not_governed == 1
