"""What can be done to the comments of a thread: each by itself, whatever it says."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from app import session
from app.panels import discussion
from tests.cast import House
from tests.screens import Screens, said

BEGINNING = "I agree with all that was said here, and"


@pytest.fixture
def told(small_house: House) -> Iterator[House]:
    session.use(small_house.portal)
    yield small_house
    session._open.clear()


def test_a_comment_that_begins_as_another_one_is_removed_by_itself(told: House) -> None:
    told.credit()
    desk, model = told.portal.discussion, told.model()
    first = desk.post(model.id, f"{BEGINNING} I mean it.", by=told.alice)
    reply = desk.post(model.id, f"{BEGINNING} buy now.", by=told.bob, thread=first.id)
    acts = discussion._acts(model, desk.thread(model, first.id), by=told.grace)
    removed = [act.args[0].id for said, act in acts.items() if said.startswith("Remove")]
    assert removed == [first.id, reply.id]


def test_after_posting_one_reads_who_is_told_and_which_at_told_nobody(on_screen: House) -> None:
    on_screen.credit()
    here = Screens(on_screen, on_screen.alice)
    screen = here.open("model", name="credit-pd", tab="Discussion")
    screen.text_area[0].set_value("@Bob and @bobby: is it right?")
    next(one for one in screen.button if one.label == "Post").click().run()
    told = said(screen).replace("\\", "")
    assert "Bob Norrland is told of your comment." in told
    assert "@bobby told nobody" in told


def test_a_comment_is_no_markup_in_the_menu(told: House) -> None:
    told.credit()
    desk, model = told.portal.discussion, told.model()
    first = desk.post(model.id, "![x](//evil.example/a.png)", by=told.alice)
    acts = discussion._acts(model, desk.thread(model, first.id), by=told.alice)
    assert all("![" not in said and "](" not in said for said in acts)
