"""Before a policy is published it is seen what it takes over, from which one, and what it asks."""

from __future__ import annotations

from typing import Final

import pytest

from catalog.releases.gates.asking import Answer
from catalog.releases.policies.law import Policy
from catalog.releases.policies.reading import pack_text, read
from catalog.releases.trials import preview
from ledger.errors import Invalid, NotFound
from tests.cast import WHY, House

BASELINE: Final = pack_text("baseline")
TODAY: Final = "Baseline release policy v1"


def law(name: str, more: str, version: int = 1) -> str:
    text = BASELINE.replace("name: baseline", f"name: {name}").replace(
        "title: Baseline release policy", f"{more}\ntitle: {name.capitalize()}"
    )
    return text.replace("version: 1", f"version: {version}")


def seen(house: House, draft: Policy, name: str = "grace") -> list[tuple[object, ...]]:
    shifts = house.portal.previews.shifts(draft, by=house.who(name))
    return [
        (one.today, one.then, one.models, one.live, [f"{n.model} @{n.alias}" for n in one.named])
        for one in shifts
    ]


@pytest.fixture
def two(house: House) -> House:
    """Two models with a champion each, of which one has a challenger as well."""
    house.credit()
    house.credit(name="credit-lgd")
    house.approved(2, "challenger")
    house.deliver()
    return house


def test_a_draft_says_what_it_takes_over_and_from_which_policy(two: House) -> None:
    shadow = read(law("shadow", "applies_to: {aliases: [challenger]}"))
    assert seen(two, shadow) == [(TODAY, "Shadow v1", 2, 1, ["credit-pd @challenger"])]
    every = [(TODAY, "All v1", 2, 3, ["credit-lgd @champion", "credit-pd @challenger"])]
    found = seen(two, read(law("all", "priority: 9")))
    assert [(*one[:4], one[4][:2]) for one in found] == every  # type: ignore[index]
    assert seen(two, read(law("none", "applies_to: {tiers: [3]}"))) == []


def test_what_a_stronger_policy_governs_is_not_taken_over(two: House) -> None:
    two.portal.policies.publish(law("all", "priority: 9"), WHY, by=two.grace)
    assert seen(two, read(law("weaker", "priority: 10"))) == []


def test_what_a_narrower_version_lets_go_is_said_to_be_governed_by_nothing(two: House) -> None:
    two.portal.policies.publish(law("all", "priority: 9"), WHY, by=two.grace)
    two.portal.policies.end("baseline", WHY, by=two.grace)
    narrower = read(law("all", "applies_to: {aliases: [challenger]}", version=2))
    assert [one[:4] for one in seen(two, narrower)] == [
        ("All v1", "", 0, 2),
        ("All v1", "All v2", 2, 1),
    ]


def test_a_reader_is_told_of_the_models_they_may_read_alone(
    two: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    every = read(law("all", "priority: 9"))
    assert seen(two, every, "dave") == []
    two.portal.restrictions.restrict(two.model("credit-pd").id, WHY, by=two.grace)
    assert seen(two, every, "carol") == [(TODAY, "All v1", 1, 1, ["credit-lgd @champion"])]
    monkeypatch.setattr(preview, "MOST_NAMED", 1)
    ((*_, live, named),) = seen(two, every)
    assert (live, named) == (3, ["credit-lgd @champion"])


def test_a_draft_is_asked_about_one_version_as_of_now(two: House) -> None:
    desk, version = two.portal.previews, two.version(2).id
    strict = read(
        law("strict", "applies_to: {aliases: [challenger]}").rstrip()
        + "\n  - {id: scan, kind: scan_clean, title: Scan, asks: It was scanned}\n"
    )
    said = desk.of_version(strict, version, "challenger", by=two.alice)
    assert (said.is_governed, said.governed_by) == (True, "Strict v1")
    assert {one.id: one.answer for one in said.gates}["scan"] is Answer.MISSING
    other = desk.of_version(strict, version, "champion", by=two.alice)
    assert (other.is_governed, other.governed_by) == (False, TODAY)
    two.portal.policies.end("baseline", WHY, by=two.grace)
    assert desk.of_version(strict, version, "champion", by=two.alice).governed_by == ""
    assert two.records("policy:publish") == []
    with pytest.raises(NotFound):
        desk.of_version(strict, version, "champion", by=two.dave)
    with pytest.raises(NotFound):
        desk.of_version(strict, "ver_unknown", "champion", by=two.alice)
    with pytest.raises(Invalid):
        desk.of_version(strict, version, "V3", by=two.alice)
