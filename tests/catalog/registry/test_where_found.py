"""Where it was found: a hit names the place the words stand in, and no more than may be known."""

from __future__ import annotations

import pytest

from auth.permissions import Role
from catalog.registry.search.indexer import Indexer
from catalog.registry.search.questions import Found, Hit, Question
from tests.cast import LENDING, SYSTEM, House
from tests.catalog.registry.cards import COMPLETE


@pytest.fixture
def told(house: House) -> House:
    """One model that says something in each of its places, and one beside it."""
    house.mlflow.register(
        "credit-pd",
        "Probability that a loan defaults.",
        owner="alice.moss@norrland.example",
        team="risk analytics",
        zone="North",
    )
    house.credit()
    house.portal.cards.publish(house.model().id, COMPLETE, based_on=0, by=house.alice)
    house.credit(name="loan-pricing")
    house.index()
    return house


def find(house: House, text: str, by: object = SYSTEM) -> Found:
    return house.portal.finder.find(Question(text), by=by)  # type: ignore[arg-type]


def first(house: House, text: str) -> Hit:
    return next(hit for hit in find(house, text).hits if hit.model.name == "credit-pd")


@pytest.mark.parametrize(
    ("text", "place", "marked", "around"),
    [
        ("loan", "description", ["loan"], "Probability that a "),
        ("twelve months", "model card", ["twelve", "months"], "applicants without "),
        ("monotone", "model card", ["monotone"], "Two points of AUC were given up for a "),
        ("alice", "owner", ["Alice"], " Norrland"),
        ("lending", "domain", ["Lending"], ""),
        ("holdout", "data set", ["holdout"], "lending-"),
        ("quarter", "model card", ["quarter"], "Reviewed each "),
        ("newest", "version 1", ["newest"], "Trained on the "),
        ("analytics", "tag", ["analytics"], "team: risk "),
        ("north", "tag", ["North"], "zone: "),
        ("classification", "task", ["classification"], "binary "),
    ],
)
def test_a_hit_names_the_place_the_words_stand_in_and_what_stands_around_them(
    told: House, text: str, place: str, marked: list[str], around: str
) -> None:
    snippet = first(told, text).snippet
    assert snippet is not None
    assert snippet.place == place
    assert [part for part, is_marked in snippet.parts if is_marked] == marked
    assert around in "".join(part for part, _ in snippet.parts)


def test_of_several_places_the_one_is_told_that_holds_what_the_name_does_not(told: House) -> None:
    hit = first(told, "credit monotone")
    assert hit.name[0] == ("credit", True)
    assert hit.snippet is not None
    assert hit.snippet.place == "model card"


def test_of_the_tags_only_the_one_is_told_that_was_found(told: House) -> None:
    snippet = first(told, "analytics").snippet
    assert snippet is not None
    assert "".join(part for part, _ in snippet.parts) == "team: risk analytics"


def test_a_part_of_a_name_is_marked_in_it(told: House) -> None:
    assert first(told, "cred").name == (("credit", True), ("-pd", False))
    (hit,) = find(told, "ricin").hits
    assert hit.name == (("loan-p", False), ("ricin", True), ("g", False))


def test_of_a_restricted_model_no_place_is_told_that_its_summary_does_not_have(
    told: House,
) -> None:
    stranger = told.join("vera", Role.VIEWER, LENDING)
    assert find(told, "monotone", stranger).total == 1
    told.portal.restrictions.restrict(told.model().id, "Confidential.", by=told.alice)

    # Before the index has heard of it, and after.
    before = find(told, "monotone alice", stranger)
    told.index()
    after = find(told, "monotone alice", stranger)

    for hit in (*before.hits, *after.hits):
        assert hit.snippet is None or hit.snippet.place in {"description", "owner", "domain"}
    for text in ("monotone", "analytics", "holdout", "newest"):
        names = [hit.model.name for hit in find(told, text, stranger).hits]
        assert "credit-pd" not in names, text
    locked = next(h for h in find(told, "alice", stranger).hits if h.model.name == "credit-pd")
    assert locked.is_locked
    assert locked.snippet is not None
    assert locked.snippet.place == "owner"


# -- what is no word -------------------------------------------------------------------------------


def test_where_the_post_of_an_owner_is_kept_is_no_word_of_a_model(told: House) -> None:
    assert find(told, "moss").total == 1
    assert find(told, "example").total == 0


def test_words_that_none_holds_are_named_where_the_others_are_found(told: House) -> None:
    found = find(told, "zeppelin pricing")
    assert [hit.model.name for hit in found.hits] == ["loan-pricing"]
    assert (found.relaxed, found.absent) == (True, ("zeppelin",))


def test_a_word_is_mended_to_the_name_of_a_person_only_where_a_later_letter_slipped(
    told: House,
) -> None:
    slipped = find(told, "norralnd").correction
    assert slipped is not None
    assert slipped.meant == "norrland"
    assert find(told, "morrland").correction is None
    assert find(told, "norrabnt").correction is None


# -- the index -------------------------------------------------------------------------------------


def test_tags_that_other_facets_say_or_programs_keep_are_no_choices(house: House) -> None:
    tags = {"owner": "ada", "domain": "Loans", "task": "regression", "team": "risk"}
    house.mlflow.register("credit-pd", "", **tags, **{"countersign.demo": "true"})
    house.mlflow.log("credit-pd")
    house.mirror()
    assert find(house, "").facets["tag"] == (("team: risk", 1),)


def test_what_an_older_program_has_indexed_is_indexed_again_once(told: House) -> None:
    with told.portal.store.write() as session:
        session.connection().exec_driver_sql("UPDATE model_search SET tags = '[\"old: form\"]'")
    indexer = Indexer(told.portal.store)

    indexer.renew(by=SYSTEM)
    assert indexer.run(by=SYSTEM) == 2
    indexer.renew(by=SYSTEM)

    assert not indexer.waiting()
    kept = told.portal.store.rows("SELECT tags FROM model_search")
    assert not any("old" in tags for (tags,) in kept)
