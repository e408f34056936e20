"""The journal of changes: what became different in MLflow, and the window in which it did."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlmodel import select

from app.worker import MIRROR
from catalog.registry.changes import Change, Kind, Spell, Uncertain
from catalog.registry.mirror.pen import LONGEST_TEXT, Moved, say_who_moved
from catalog.registry.tables import ChangeRow
from tests.cast import House

MINUTE = timedelta(minutes=1)


def changes(house: House, *kinds: Kind) -> list[Change]:
    """What changed about the credit model, oldest first."""
    return house.portal.changes.of(house.model(), kinds=kinds)[::-1]


def later(house: House) -> datetime:
    house.clock.advance(10 * MINUTE)
    return house.clock.now()


def test_a_change_happened_after_the_old_value_was_read_and_before_the_new_one(
    house: House,
) -> None:
    house.credit()
    read_before = house.clock.now()
    later(house)
    house.mlflow.point("credit-pd", "champion", 2)
    read_after = later(house)
    house.mirror()
    moved = changes(house, "alias")[-1]
    assert (moved.name, moved.before, moved.after) == ("champion", "1", "2")
    assert (moved.since, moved.until) == (read_before, read_after)
    assert moved.version_id == house.version(2).id


def test_a_look_that_finds_nothing_new_makes_the_next_window_shorter(house: House) -> None:
    house.credit()
    read_again = later(house)
    house.mirror()
    later(house)
    house.mlflow.describe("credit-pd", "Rewritten.")
    house.mlflow.describe_version("credit-pd", 1, "Rewritten too.")
    house.mirror()
    found = changes(house, "description")
    assert [(one.since, one.after) for one in found] == [
        (read_again, "Rewritten."),
        (read_again, "Rewritten too."),
    ]


def test_every_kind_of_change_is_in_the_journal(house: House) -> None:
    house.mlflow.register("credit-pd", "First.", team="risk", old="x")
    house.mlflow.log("credit-pd", status="PENDING_REGISTRATION")
    house.mirror()
    house.mlflow.describe("credit-pd", "Second.", team="lending", new="y")
    house.mlflow.tag_version("credit-pd", 1, checked="yes")
    house.mlflow.become("credit-pd", 1, "READY")
    house.mlflow.stage("credit-pd", 1, "Production")
    house.mlflow.log("credit-pd")
    later(house)
    house.mirror()
    version = house.version(1).id
    said = [(c.kind, c.version_id, c.name, c.before, c.after) for c in changes(house)[2:]]
    assert said == [
        ("description", "", "", "First.", "Second."),
        ("tag", "", "new", "", "y"),
        ("tag", "", "old", "x", ""),
        ("tag", "", "team", "risk", "lending"),
        ("status", version, "", "PENDING_REGISTRATION", "READY"),
        ("stage", version, "", "", "Production"),
        ("tag", version, "checked", "", "yes"),
        ("created", house.version(2).id, "2", "", ""),
    ]


def test_looking_twice_at_the_same_adds_nothing_to_the_journal(house: House) -> None:
    house.credit()
    before = changes(house)
    later(house)
    house.mirror()
    house.portal.mirror.refresh("credit-pd", by=MIRROR)
    assert changes(house) == before


def test_a_deleted_version_ends_its_alias_in_the_journal_too(house: House) -> None:
    house.credit()
    gone = house.version(1)
    later(house)
    house.mlflow.delete_version("credit-pd", 1)
    house.mirror()
    assert [(c.kind, c.version_id, c.name, c.before) for c in changes(house)[-2:]] == [
        ("deleted", gone.id, "1", ""),
        ("alias", gone.id, "champion", "1"),
    ]
    (spell,) = house.portal.changes.spells(house.model(), "champion")
    assert (spell.number, spell.end_until) == (1, house.clock.now())


def test_a_deleted_model_keeps_its_history(house: House) -> None:
    model = house.credit()
    later(house)
    house.mlflow.delete("credit-pd")
    house.mirror()
    found = house.portal.changes.of(model)
    assert [one.kind for one in found[:4]] == ["deleted", "deleted", "deleted", "alias"]
    assert house.portal.changes.alias_at(model, "champion", house.clock.now()) is None


def test_a_page_of_changes_is_cut_where_it_was_asked_to_be(house: House) -> None:
    house.credit()
    everything = house.portal.changes.of(house.model())
    assert house.portal.changes.of(house.model(), limit=2, offset=1) == everything[1:3]


def test_a_text_of_any_length_is_kept_short_in_the_journal(house: House) -> None:
    house.credit()
    house.mlflow.describe("credit-pd", "x" * 100_000)
    house.mirror()
    (change,) = changes(house, "description")
    assert len(change.after) == LONGEST_TEXT


# -- where an alias pointed ------------------------------------------------------------------------


@pytest.fixture
def moved(house: House) -> dict[str, datetime]:
    """A champion that was 1, then 2, then nothing, with the moments at which all was read."""
    house.credit(champion=None)
    moments = {"unset": house.clock.now()}
    for name, number in (("first", 1), ("second", 2), ("removed", None)):
        later(house)
        if number is None:
            house.mlflow.unset("credit-pd", "champion")
        else:
            house.mlflow.point("credit-pd", "champion", number)
        moments[name] = later(house)
        house.mirror()
        moments[f"{name} again"] = later(house)
        house.mirror()
    return moments


def at(house: House, moment: datetime) -> int | tuple[int | None, ...] | None:
    """The champion at a moment: its number, or the candidates."""
    found = house.portal.changes.alias_at(house.model(), "champion", moment)
    if isinstance(found, Uncertain):
        return tuple(one.number if one else None for one in found.candidates)
    return found.number if found else None


def test_outside_every_window_the_champion_of_a_moment_is_exact(
    house: House, moved: dict[str, datetime]
) -> None:
    assert [at(house, moved[name]) for name in moved] == [None, 1, 1, 2, 2, None, None]
    assert at(house, moved["first"] + MINUTE) == 1
    assert at(house, moved["removed again"] + 60 * MINUTE) is None


def test_inside_a_window_both_candidates_are_named(
    house: House, moved: dict[str, datetime]
) -> None:
    assert at(house, moved["first"] - MINUTE) == (None, 1)
    assert at(house, moved["second"] - MINUTE) == (1, 2)
    assert at(house, moved["removed"] - MINUTE) == (2, None)
    doubt = house.portal.changes.alias_at(house.model(), "champion", moved["second"] - MINUTE)
    assert isinstance(doubt, Uncertain)
    assert (doubt.since, doubt.until) == (moved["first again"], moved["second"])


def test_before_the_first_reading_nothing_is_claimed(
    house: House, moved: dict[str, datetime]
) -> None:
    assert at(house, moved["unset"] - MINUTE) == (None,)


def test_an_alias_that_was_there_at_the_first_sight_has_no_known_beginning(house: House) -> None:
    house.credit()
    read_at = house.clock.now()
    (spell,) = house.portal.changes.spells(house.model(), "champion")
    assert spell == Spell(
        "champion", 1, house.version(1).id, None, read_at, read_at, None, spell.by_promotion
    )
    assert at(house, read_at - MINUTE) == (None, 1)
    assert at(house, read_at) == 1


def test_a_spell_that_lasts_is_known_until_it_was_last_read(house: House) -> None:
    house.credit()
    read_again = later(house)
    house.mirror()
    (spell,) = house.portal.changes.spells(house.model(), "champion")
    assert (spell.end_since, spell.end_until) == (read_again, None)


def test_a_renamed_model_keeps_its_id_its_owner_and_its_history(house: House) -> None:
    before = house.credit()
    ids = {version.id for version in house.portal.models.versions(before)}
    read_at = house.clock.now()
    later(house)
    house.mlflow.rename("credit-pd", "credit-default")
    house.mirror()
    model = house.model("credit-default")
    assert (model.id, model.owner_id, model.domain) == (before.id, before.owner_id, before.domain)
    assert {version.id for version in house.portal.models.versions(model)} == ids
    assert model.alias("champion") is not None
    kinds: tuple[Kind, ...] = ("renamed",)
    (renamed,) = house.portal.changes.of(model, kinds=kinds)
    assert (renamed.before, renamed.after) == ("credit-pd", "credit-default")
    assert (renamed.since, renamed.until) == (read_at, house.clock.now())
    assert house.portal.changes.of(model)[0] == renamed


def test_two_models_that_swap_their_names_keep_their_ids(house: House) -> None:
    one, other = house.credit(), house.credit(name="churn")
    house.mlflow.rename("credit-pd", "aside")
    house.mlflow.rename("churn", "credit-pd")
    house.mlflow.rename("aside", "churn")
    house.mirror()
    assert (house.model("churn").id, house.model("credit-pd").id) == (one.id, other.id)


def test_a_model_renamed_with_another_version_in_it_is_another_model(house: House) -> None:
    before = house.credit()
    house.mlflow.rename("credit-pd", "credit-default")
    versions = house.mlflow._kept["credit-default"].versions
    del versions[2]
    house.mirror()
    model = house.model("credit-default")
    assert model.id != before.id
    assert (model.owner_id, model.domain) == ("", "")


def test_a_name_read_alone_after_a_rename_leads_to_the_same_model(house: House) -> None:
    before = house.credit()
    house.mlflow.rename("credit-pd", "credit-default")
    house.portal.mirror.refresh("credit-pd", by=MIRROR)
    assert house.model("credit-default").id == before.id


def test_a_new_name_read_alone_after_a_rename_leads_to_the_same_model(house: House) -> None:
    before = house.credit()
    house.mlflow.rename("credit-pd", "credit-default")
    house.portal.mirror.refresh("credit-default", by=MIRROR)
    assert house.model("credit-default").id == before.id


def test_a_model_made_while_another_takes_its_name_inherits_nothing(house: House) -> None:
    before = house.credit()
    house.mlflow.rename("credit-pd", "credit-default")
    house.mlflow.register("credit-pd")
    house.mlflow.log("credit-pd")
    house.mirror()
    assert house.model("credit-default").id == before.id
    assert (house.model().id != before.id, house.model().owner_id) == (True, "")


# -- who, and what else ----------------------------------------------------------------------------


def test_a_move_that_a_promotion_made_says_so_and_one_by_hand_does_not(
    small_house: House,
) -> None:
    small_house.credit()
    small_house.approved()
    (promotion,) = small_house.deliver()
    moved = changes(small_house, "alias")[-1]
    assert (moved.after, moved.by_promotion) == ("2", promotion.id)
    assert small_house.portal.changes.spells(small_house.model(), "champion")[-1].by_promotion
    small_house.mlflow.point("credit-pd", "champion", 1)
    small_house.mirror()
    assert changes(small_house, "alias")[-1].by_promotion == ""


def test_a_move_by_a_promotion_happened_while_it_was_carried_out(house: House) -> None:
    house.credit()
    house.approved()
    later(house)
    (promotion,) = house.deliver()
    moved = changes(house, "alias")[-1]
    assert (moved.since, moved.until) == (promotion.finished_at, promotion.finished_at)
    spell = house.portal.changes.alias_at(house.model(), "champion", house.clock.now() - MINUTE)
    assert isinstance(spell, Spell)
    assert spell.number == 1


def test_a_promotion_makes_no_window_wider_and_none_that_ends_before_it_begins(
    small_house: House,
) -> None:
    small_house.credit()
    read_before = small_house.clock.now()
    read_after = later(small_house)
    small_house.mlflow.point("credit-pd", "champion", 2)
    small_house.mirror()
    model = small_house.model()

    def told(began: datetime | None, ended: datetime) -> tuple[datetime | None, datetime]:
        moved = Moved("prm_1", model.id, "champion", 2, began, ended)
        with small_house.portal.store.write() as session:
            say_who_moved(session, moved)
            change = session.exec(select(ChangeRow).where(ChangeRow.after == "2")).one()
            window = change.since, change.until
            session.rollback()
        return window

    second = timedelta(seconds=1)
    assert told(None, read_after + MINUTE) == (read_before, read_after)
    assert told(read_before - MINUTE, read_after) == (read_before, read_after)
    assert told(read_after - second, read_after) == (read_after - second, read_after)
    assert told(read_after + MINUTE, read_after + 2 * MINUTE) == (read_before, read_after)


def test_files_that_are_other_ones_than_before_are_a_change(house: House) -> None:
    house.credit()
    version = house.version(2)
    first = later(house)
    house.portal.mirror.read_files(version.id, "sha256:one", by=MIRROR)
    assert changes(house, "artifact") == []
    second = later(house)
    house.portal.mirror.read_files(version.id, "sha256:other", by=MIRROR)
    (change,) = changes(house, "artifact")
    assert (change.before, change.after, change.version_id) == (
        "sha256:one",
        "sha256:other",
        version.id,
    )
    assert (change.since, change.until) == (first, second)
