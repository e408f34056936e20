"""People talk about a model: whoever may read it, about what they may see, on the record."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from auth.actors import EVERYTHING, Actor, Scope
from auth.permissions import Role
from catalog.registry.discussion.comment import LONGEST_COMMENT, Comment
from catalog.registry.discussion.mentions import Missed
from ledger.errors import Conflict, Invalid, NotFound, Refused
from tests.api.test_release_story import client
from tests.cast import House

ASKED = "Why is it weak for young applicants?"


def post(house: House, text: str = ASKED, *, by: Actor | None = None, thread: str = "") -> Comment:
    house.clock.advance(timedelta(minutes=1))
    desk = house.portal.discussion
    return desk.post(house.model().id, text, by=by or house.alice, thread=thread)


def mentions(house: House) -> list[str]:
    rows = house.portal.store.rows(
        "SELECT payload FROM domain_event WHERE name = 'comment:post' ORDER BY at"
    )
    return [json.loads(row.payload)["mentions"] for row in rows]


@pytest.mark.parametrize("name", ["alice", "bob", "carol", "erik", "grace"])
def test_whoever_may_read_a_model_may_write_about_it(house: House, name: str) -> None:
    house.credit()
    made = post(house, by=house.who(name))
    (thread,) = house.portal.discussion.threads(house.model())
    assert thread.first == made
    assert house.portal.discussion.thread(house.model(), made.id) == thread


def test_a_stranger_an_application_and_another_domain_may_not(house: House) -> None:
    house.credit()
    made = post(house)
    olga = house.join("olga", Role.MODEL_OWNER, Scope("domain", "Cards"))
    desk = house.portal.discussion
    for stranger in (house.dave, olga):
        with pytest.raises(NotFound):
            post(house, by=stranger)
        with pytest.raises(NotFound):
            desk.edit(made.id, "Mine now", by=stranger)
        with pytest.raises(NotFound):
            desk.remove(made.id, by=stranger)
        assert desk.people(house.model(), by=stranger) == {}
    with pytest.raises(Refused):
        post(house, by=house.robot)
    assert len(desk.threads(house.model())) == 1


def test_threads_come_newest_first_and_replies_in_the_order_they_were_written(
    house: House,
) -> None:
    house.credit()
    first = post(house)
    second = post(house, "Which data?", by=house.bob)
    one = post(house, "Too few of them.", by=house.bob, thread=first.id)
    two = post(house, "Thanks.", thread=first.id)
    desk = house.portal.discussion
    assert [thread.first.id for thread in desk.threads(house.model())] == [second.id, first.id]
    assert desk.thread(house.model(), first.id).comments == (first, one, two)
    assert desk.count(house.model()) == 2
    assert [t.first.id for t in desk.threads(house.model(), limit=1, offset=1)] == [first.id]


def test_a_reply_goes_to_a_thread_of_the_same_model(house: House) -> None:
    house.credit()
    house.credit(name="fraud")
    first = post(house)
    reply = post(house, "Because.", thread=first.id)
    for wrong in (reply.id, "cmt_nothing"):
        with pytest.raises(NotFound):
            post(house, thread=wrong)
    with pytest.raises(NotFound):
        house.portal.discussion.post(house.model("fraud").id, "x", by=house.alice, thread=first.id)
    with pytest.raises(NotFound):
        house.portal.discussion.thread(house.model("fraud"), first.id)


def test_a_mention_reaches_only_those_who_may_see_the_model(house: House) -> None:
    house.credit()
    house.join("olga", Role.VIEWER, Scope("domain", "Cards"))
    said = "@Bob Norrland and @carol norrland, not @Dave Norrland, @Olga Norrland or @Nobody."
    made = post(house, said)
    assert set(made.mentions) == {house.bob.id, house.carol.id}
    assert set(mentions(house)[0].split()) == {house.bob.id, house.carol.id}
    offered = house.portal.discussion.people(house.model(), by=house.alice)
    assert sorted(offered.values()) == [
        f"{name} Norrland" for name in ("Alice", "Bob", "Carol", "Erik", "Grace")
    ]
    assert house.portal.discussion.people(house.model(), by=house.alice, beginning="bo") == {
        house.bob.id: "Bob Norrland"
    }


@pytest.mark.parametrize(
    "said",
    ["bob@norrland.example", "@Bob Norrlander", "@ Bob Norrland", "Bob Norrland", "@%", "@_"],
)
def test_what_only_looks_like_a_mention_is_none(small_house: House, said: str) -> None:
    small_house.credit()
    assert post(small_house, said).mentions == ()


def test_the_longest_name_that_fits_is_meant(small_house: House) -> None:
    small_house.credit()
    house = small_house
    short, _ = house.portal.people.add("Bob", "b@norrland.example", by=house.grace)
    house.portal.grants.give(short.id, Role.VIEWER, EVERYTHING, by=house.grace)
    assert post(house, "@Bob Norrland!").mentions == (house.bob.id,)
    assert post(house, "@Bob, look").mentions == (short.id,)


def test_a_first_name_or_the_beginning_of_an_address_means_the_one_person_it_fits(
    house: House,
) -> None:
    house.credit()
    known = house.portal.people.add("Åsa Lind", "a.lind@norrland.example", by=house.grace)[0]
    house.portal.grants.give(known.id, Role.VIEWER, EVERYTHING, by=house.grace)
    made = post(house, "@Bob, @CAROL: look. @a.lind too, and @åsa.")
    assert set(made.mentions) == {house.bob.id, house.carol.id, known.id}
    assert made.missed == ()


def test_an_at_that_tells_nobody_is_said_with_whom_it_may_mean(house: House) -> None:
    house.credit()
    other = house.portal.people.add("Bob Berg", "bobby@norrland.example", by=house.grace)[0]
    house.portal.grants.give(other.id, Role.VIEWER, EVERYTHING, by=house.grace)
    made = post(house, "@Bob or @Bob Berg, not @Dave or @dave: is @champion right?")
    # Dave may not see the model: he is told nothing, and nothing is told of him.
    assert made.mentions == (other.id,)
    assert made.missed == (
        Missed("Bob", ("Bob Berg", "Bob Norrland")),
        Missed("Dave"),
        Missed("dave"),
    )
    told = client(house, house.alice).post(
        "/models/credit-pd/discussion", json={"text": "@Bob: look."}
    )
    assert told.json()["missed"] == [{"word": "Bob", "fits": ["Bob Berg", "Bob Norrland"]}]


def test_an_author_changes_their_comment_and_what_it_said_is_kept(house: House) -> None:
    house.credit()
    made = post(house)
    desk = house.portal.discussion
    house.clock.advance(timedelta(hours=1))
    changed = desk.edit(made.id, "Why is it weak for @Bob Norrland?", by=house.alice)
    assert (changed.text, changed.at) == ("Why is it weak for @Bob Norrland?", made.at)
    assert changed.edited_at == house.clock.now()
    assert changed.mentions == (house.bob.id,)
    assert [one.text for one in desk.editions(house.model(), made.id)] == [ASKED]
    desk.edit(made.id, "Third.", by=house.alice)
    assert len(desk.editions(house.model(), made.id)) == 2
    # Changing a comment tells nobody again.
    assert mentions(house) == [""]


@pytest.mark.parametrize("name", ["bob", "grace"])
def test_nobody_else_changes_a_comment(house: House, name: str) -> None:
    house.credit()
    made = post(house)
    assert not house.portal.discussion.may_edit(house.model(), made, by=house.who(name))
    with pytest.raises(Refused, match="Only its author"):
        house.portal.discussion.edit(made.id, "Something else", by=house.who(name))


@pytest.mark.parametrize("name", ["alice", "grace"])
def test_the_author_or_an_administrator_removes_a_comment_and_its_place_stays(
    house: House, name: str
) -> None:
    house.credit()
    made = post(house, f"{ASKED} @Bob Norrland")
    reply = post(house, "An answer", by=house.bob, thread=made.id)
    desk = house.portal.discussion
    desk.edit(made.id, "Changed.", by=house.alice)
    desk.remove(made.id, by=house.who(name))
    (thread,) = desk.threads(house.model())
    assert thread.first.is_removed
    assert (thread.first.text, thread.first.mentions) == ("", ())
    assert thread.first.deleted_by == house.who(name).id
    assert thread.replies == (reply,)
    assert desk.editions(house.model(), made.id) == []
    for verb in (
        lambda: desk.remove(made.id, by=house.grace),
        lambda: desk.edit(made.id, "Again", by=house.alice),
    ):
        with pytest.raises(Conflict, match="was removed"):
            verb()


@pytest.mark.parametrize("name", ["bob", "carol", "erik"])
def test_others_do_not_remove_a_comment(house: House, name: str) -> None:
    house.credit()
    made = post(house)
    assert not house.portal.discussion.may_remove(house.model(), made, by=house.who(name))
    with pytest.raises(Refused):
        house.portal.discussion.remove(made.id, by=house.who(name))


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "comment-length"),
        ("  \n ", "comment-length"),
        ("x" * (LONGEST_COMMENT + 1), "comment-length"),
        ("a\x00b", "comment-characters"),
        ("a\ud800b", "comment-characters"),
        ("@a " * 21, "comment-mentions"),
    ],
)
def test_a_malformed_comment_is_refused_without_a_record(
    small_house: House, text: str, code: str
) -> None:
    small_house.credit()
    with pytest.raises(Invalid) as refused:
        post(small_house, text)
    assert refused.value.code == code
    assert refused.value.hint
    assert small_house.records("comment:post") == []


def test_line_breaks_stay_and_the_record_holds_only_ids(small_house: House) -> None:
    small_house.credit()
    made = post(small_house, "One\r\ntwo\n\n<b>three</b> http://x.example ")
    assert made.text == "One\ntwo\n\n<b>three</b> http://x.example"
    (record,) = small_house.records("comment:post")
    assert record.facts == {"comment": made.id, "thread": made.id}
    assert "three" not in record.body
