"""The plan of the demo fits the models of the demo."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from app.demo import organisation
from app.demo.inventory import PLACES, USES
from app.demo.models import MODELS
from app.demo.organisation import ALICE, BOB, CALLS, CAROL, DAN, DECLARED_VALUES, PEOPLE, RELEASES
from catalog.use_cases.risk import is_stricter_class
from catalog.use_cases.use_cases import Described

TRAINED = {(model.name, recipe.key): recipe for model in MODELS for recipe in model.recipes}


def test_six_people_sign_in_and_hold_every_role_the_story_needs() -> None:
    assert len({person.email for person in PEOPLE}) == 6
    assert all(person.email.endswith("@norrland.example") for person in PEOPLE)
    assert {role for person in PEOPLE for role in person.roles} == {
        "model developer",
        "model owner",
        "approver",
        "independent validator",
        "business owner",
        "auditor",
        "governance admin",
    }


def test_no_password_is_written_down() -> None:
    source = Path(organisation.__file__).read_text(encoding="utf-8")
    assert "password" not in source.lower()


def test_every_release_asks_for_a_version_that_is_trained() -> None:
    assert all((release.model, release.version) in TRAINED for release in RELEASES)


def test_nobody_decides_what_they_asked_for_or_made() -> None:
    for release in RELEASES:
        author = TRAINED[release.model, release.version].author
        assert release.decider == BOB
        assert release.requester in {ALICE, DAN}
        assert release.decider not in {release.requester, author}


def test_every_decision_has_a_reason_and_every_open_request_has_none() -> None:
    assert all(release.reason for release in RELEASES)
    assert all(bool(release.decision_reason) != release.is_open for release in RELEASES)


def test_at_most_one_request_waits_for_each_alias() -> None:
    waiting = Counter((item.model, item.alias) for item in RELEASES if item.is_open)
    assert waiting.total() >= 3
    assert max(waiting.values()) == 1


def test_every_model_that_is_called_has_an_approved_release() -> None:
    live = organisation.live_versions()
    assert all((calls.model, calls.alias) in live for calls in CALLS)


def test_a_value_is_declared_by_the_business_for_an_answer_the_application_gives() -> None:
    words = {(calls.model, outcome.word) for calls in CALLS for outcome in calls.outcomes}
    called = {calls.model for calls in CALLS}
    classes = {("arrears-early-warning", "late")}
    for value in DECLARED_VALUES:
        assert value.by == CAROL
        assert value.why
        assert value.eur > 0
        assert value.model in called
        assert value.output is None or (value.model, value.output) in words | classes


def test_every_model_of_the_demo_has_its_place_under_a_use_case_of_its_domain() -> None:
    uses = {use.key: use for use in USES}
    domains = {model.name: model.domain for model in MODELS}
    assert {place.model for place in PLACES} == set(domains)
    assert all(uses[place.use].domain == domains[place.model] for place in PLACES)
    for use in USES:
        Described(
            use.name, use.purpose, use.domain, "prn_1", use.regulatory_class, use.tier
        ).checked()


def test_the_demo_leaves_one_model_below_its_use_case_to_be_found() -> None:
    uses = {use.key: use for use in USES}
    lower = [
        place.model
        for place in PLACES
        if is_stricter_class(uses[place.use].regulatory_class, place.regulatory_class)
    ]
    assert lower == ["credit-scorecard"]
