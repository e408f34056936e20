"""A version on its way out: who may say so, what it stops, and where it is told."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from auth.actors import EVERYTHING, Actor, Scope
from auth.permissions import Role
from catalog.registry.deprecations import Deprecation
from catalog.releases.states import Verb
from ledger.errors import Conflict, CountersignError, Invalid, NotFound, Refused
from tests.api.test_release_story import client
from tests.at_once import at_once
from tests.cast import AT, WHY, House

TODAY = AT.date()
WHAT = "Trained before the change of the rating scale. Move to v2."


def deprecate(
    house: House,
    number: int = 1,
    *,
    by: Actor | None = None,
    ends_on: date = TODAY + timedelta(days=30),
    message: str = WHAT,
    successor: int | None = 2,
) -> Deprecation:
    following = house.version(successor).id if successor else ""
    return house.portal.deprecations.deprecate(
        house.version(number).id,
        by=by or house.alice,
        ends_on=ends_on,
        message=message,
        successor_id=following,
    )


def test_a_deprecated_version_names_its_successor_its_day_and_why(house: House) -> None:
    model = house.credit()
    made = deprecate(house)
    found = house.portal.deprecations.of(model, by=house.carol)
    assert found == {house.version(1).id: made}
    assert made.successor is not None
    assert (made.successor.model_name, made.successor.number) == ("credit-pd", 2)
    assert (made.number, made.message, made.deprecated_by) == (1, WHAT, house.alice.id)
    (record,) = house.records("version:deprecate")
    assert record.facts["successor"] == house.version(2).id
    assert (record.texts["message"], WHAT in record.body) == (WHAT, False)


def test_a_version_is_obsolete_from_its_day_on_and_not_a_day_before(small_house: House) -> None:
    small_house.credit()
    made = deprecate(small_house, ends_on=TODAY + timedelta(days=1))
    assert (made.is_obsolete(TODAY), made.word(TODAY)) == (False, "Deprecated")
    assert made.word(TODAY + timedelta(days=1)) == "Obsolete"


def test_only_a_model_owner_of_the_domain_or_a_governance_admin_deprecates(
    small_house: House,
) -> None:
    model = small_house.credit()
    deprecate(small_house, by=small_house.grace)
    developer = small_house.join("dora", Role.MODEL_DEVELOPER, EVERYTHING)
    elsewhere = small_house.join("olaf", Role.MODEL_OWNER, Scope("domain", "Cards"))
    refusals = {
        developer: Refused,
        elsewhere: NotFound,
        small_house.bob: Refused,
        small_house.carol: Refused,
        small_house.dave: NotFound,
        small_house.erik: Refused,
        small_house.robot: Refused,
    }
    for actor, refusal in refusals.items():
        with pytest.raises(refusal):
            deprecate(small_house, by=actor)
        with pytest.raises(refusal):
            small_house.portal.deprecations.reinstate(
                small_house.version(1).id, "Still good.", by=actor
            )
        if refusal is Refused:
            assert not small_house.portal.deprecations.may_deprecate(model, by=actor)
    assert small_house.portal.deprecations.may_deprecate(model, by=small_house.alice)


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"message": " "}, "no-message"),
        ({"message": "x" * 501}, "long-message"),
        ({"message": "a\x00b"}, "bad-message"),
        ({"ends_on": TODAY - timedelta(days=1)}, "bad-day"),
        ({"ends_on": date(9999, 12, 31)}, "bad-day"),
    ],
)
def test_what_cannot_be_kept_is_refused_before_anything_happens(
    small_house: House, wrong: dict[str, object], code: str
) -> None:
    model = small_house.credit()
    with pytest.raises(Invalid) as refusal:
        deprecate(small_house, **wrong)  # type: ignore[arg-type]
    assert (refusal.value.code, bool(refusal.value.hint)) == (code, True)
    assert small_house.portal.deprecations.of(model, by=small_house.alice) == {}
    assert small_house.records("version:deprecate") == []


def test_a_version_follows_neither_itself_nor_one_that_goes_itself(small_house: House) -> None:
    small_house.credit()
    with pytest.raises(Conflict) as itself:
        deprecate(small_house, successor=1)
    deprecate(small_house, 2, successor=None)
    with pytest.raises(Conflict) as going:
        deprecate(small_house, successor=2)
    assert (itself.value.code, going.value.code) == ("successor-itself", "successor-deprecated")
    with pytest.raises(NotFound):
        small_house.portal.deprecations.deprecate(
            small_house.version(1).id,
            by=small_house.alice,
            ends_on=TODAY,
            message=WHAT,
            successor_id="ver_nowhere",
        )


def test_a_version_of_another_model_may_follow_and_whoever_may_not_know_it_is_not_told(
    house: House,
) -> None:
    model = house.credit()
    house.credit(name="cards-pd", domain="Cards")
    following = house.version(2, "cards-pd")
    offered = house.portal.deprecations.elsewhere(model, by=house.grace)
    assert offered == []  # another domain is not offered, though it may be named
    house.portal.deprecations.deprecate(
        house.version(1).id,
        by=house.grace,
        ends_on=TODAY,
        message="Cards took over.",
        successor_id=following.id,
    )
    (seen,) = house.portal.deprecations.of(model, by=house.carol).values()
    assert seen.successor is not None
    assert seen.successor.model_name == "cards-pd"
    (hidden,) = house.portal.deprecations.of(model, by=house.alice).values()
    assert hidden.successor is None


def test_champions_of_the_same_domain_and_task_are_offered_unless_they_go_themselves(
    house: House,
) -> None:
    model = house.credit()
    house.credit(name="credit-lgd")
    offered = house.portal.deprecations.elsewhere(model, by=house.alice)
    assert [(one.model_name, one.number) for one in offered] == [("credit-lgd", 1)]
    house.portal.deprecations.deprecate(
        house.version(1, "credit-lgd").id, by=house.alice, ends_on=TODAY, message=WHAT
    )
    assert house.portal.deprecations.elsewhere(model, by=house.alice) == []


def test_a_deprecated_version_is_not_released_whoever_asks(house: House) -> None:
    house.credit()
    deprecate(house, 2, successor=None)
    version = house.version(2)
    preview = house.portal.requests.preview(version.id, "champion", by=house.alice)
    assert preview.may_request.code == "deprecated"
    assert WHAT in preview.may_request.reason
    with pytest.raises(Refused, match="Version 2 is deprecated"):
        house.portal.requests.request(version.id, "champion", WHY, by=house.alice)
    house.portal.deprecations.reinstate(version.id, "The scale was right.", by=house.alice)
    assert house.portal.requests.request(version.id, "champion", WHY, by=house.alice).is_open


def test_a_request_whose_version_was_deprecated_meanwhile_is_not_approved(house: House) -> None:
    house.credit()
    request = house.asked()
    deprecate(house, 2, successor=1)
    with pytest.raises(Refused) as refusal:
        house.portal.decisions.decide(request.id, Verb.APPROVE, WHY, by=house.bob)
    assert (refusal.value.code, "credit-pd v1" in refusal.value.hint) == ("deprecated", True)
    rejected = house.portal.decisions.decide(request.id, Verb.REJECT, "It goes.", by=house.bob)
    assert not rejected.is_open


def test_what_is_said_anew_counts_and_two_at_once_leave_one_of_both(house: House) -> None:
    model = house.credit()
    deprecate(house)

    def again(by: Actor, message: str) -> Deprecation:
        return deprecate(house, by=by, message=message)

    alice, grace = house.alice, house.grace
    told = at_once(
        house.portal.ledger, [lambda: again(alice, "Hers."), lambda: again(grace, "His.")]
    )
    assert not any(isinstance(one, CountersignError) for one in told)
    (kept,) = house.portal.deprecations.of(model, by=house.alice).values()
    assert kept.message in {"Hers.", "His."}
    assert len(house.records("version:deprecate")) == 3


def test_two_versions_that_name_each_other_at_once_do_not_wait_in_a_ring(house: House) -> None:
    house.credit()
    alice, grace = house.alice, house.grace
    told = at_once(
        house.portal.ledger,
        [lambda: deprecate(house, 1, by=alice), lambda: deprecate(house, 2, by=grace, successor=1)],
    )
    refused = [one for one in told if isinstance(one, CountersignError)]
    assert [one.code for one in refused] == ["successor-deprecated"]


def test_a_deprecation_is_taken_back_once(small_house: House) -> None:
    model = small_house.credit()
    deprecate(small_house)
    version = small_house.version(1)
    with pytest.raises(Invalid):
        small_house.portal.deprecations.reinstate(version.id, "", by=small_house.alice)
    small_house.portal.deprecations.reinstate(version.id, "Wrong version.", by=small_house.alice)
    assert small_house.portal.deprecations.of(model, by=small_house.alice) == {}
    with pytest.raises(Conflict) as twice:
        small_house.portal.deprecations.reinstate(version.id, "Again.", by=small_house.alice)
    assert twice.value.code == "not-deprecated"
    (done,) = small_house.records("version:reinstate", outcome="done")
    assert done.texts["reason"] == "Wrong version."


# -- what an application is told -------------------------------------------------------------------


def robots(house: House) -> dict[str, str]:
    _token, secret = house.portal.tokens.issue_for_application(
        house.robot.id, "loader", by=house.grace
    )
    return {"Authorization": f"Bearer {secret}"}


def test_an_application_reads_behind_an_alias_that_its_version_is_obsolete(house: House) -> None:
    house.credit()
    api = client(house)
    api.headers.update(robots(house))
    fresh = api.get("/models/credit-pd/aliases/champion").json()
    assert (fresh["version"], fresh["deprecation"]) == (1, None)
    deprecate(house, ends_on=TODAY)
    told = api.get("/models/credit-pd/aliases/champion").json()
    assert (told["alias"], told["version"], told["id"]) == ("champion", 1, house.version(1).id)
    assert told["deprecation"] == {
        "status": "Obsolete",
        "ends_on": TODAY.isoformat(),
        "message": WHAT,
        "successor": {
            "model": "credit-pd",
            "version": 2,
            "version_id": house.version(2).id,
        },
        "deprecated_by": house.alice.id,
        "deprecated_at": told["deprecation"]["deprecated_at"],
    }
    one = api.get("/models/credit-pd/versions/1").json()
    listed = api.get("/models/credit-pd").json()["versions"]
    assert one["deprecation"] == told["deprecation"]
    assert [version["deprecation"] for version in listed] == [None, told["deprecation"]]


def test_an_alias_that_is_not_set_is_not_found(small_house: House) -> None:
    small_house.credit()
    api = client(small_house, small_house.alice)
    answer = api.get("/models/credit-pd/aliases/rollback")
    assert (answer.status_code, answer.json()["error"]) == (404, "no-such-alias")
    assert api.get("/models/nowhere/aliases/champion").status_code == 404
