"""What may be typed wrong, or at once by two: a sentence, a remedy, and nothing half done."""

from __future__ import annotations

from typing import Final

import pytest
from playwright.sync_api import Browser, expect

from app.demo.organisation import ALICE, BOB, DAN, GRACE
from auth.actors import EVERYTHING, Actor
from auth.permissions import Role
from catalog.releases.requests.request import ReleaseRequest, Which
from catalog.releases.requests.rights import LONGEST_REASON
from catalog.releases.states import State
from tests.browser.conftest import Demo, Visit
from tests.browser.visits import Visitor, person
from tests.stack import until

# A model whose third version nobody asks for in the demo, nor in any other story.
MODEL: Final = "loan-lgd"
FORM: Final = f"/request?name={MODEL}&version=3&alias=challenger"
MARKUP: Final = (
    "<b id='planted'>bold</b> <img src=x onerror=\"document.title='owned'\"> "
    "[a link](javascript:alert(1)) :red[red] $x^2$ **stars**"
)
PASSWORD: Final = "correct horse battery"


def _by(demo: Demo, email: str) -> Actor:
    found = demo.stack.portal.people.by_email(email)
    assert found
    return demo.stack.portal.people.actor(found.id)


def _requests(demo: Demo) -> list[ReleaseRequest]:
    by = _by(demo, ALICE.email)
    model = demo.stack.portal.models.find(MODEL, by=by)
    return demo.stack.portal.requests.listing(Which(model_id=model.id), by=by)


def _ask(here: Visitor, reason: str) -> None:
    here.page.get_by_label("Reason (required)").fill(reason)
    here.page.get_by_role("button", name="Ask for this release").click()


def test_a_request_without_a_reason_is_not_sent(demo: Demo, visit: Visit) -> None:
    before = len(_requests(demo))
    alice = visit(ALICE, FORM)
    _ask(alice, "   ")
    alice.reads("A reason is required.")
    alice.reads("Say in a sentence why; it is kept in the audit trail.")
    assert len(_requests(demo)) == before


def test_ten_thousand_characters_are_no_reason(demo: Demo, visit: Visit) -> None:
    before = len(_requests(demo))
    alice = visit(ALICE, FORM)
    _ask(alice, "x" * 10_000)
    alice.settle()
    assert "/request?" in alice.page.url
    alice.reads("The reason has 10,000 characters.")
    with demo.stack.api(ALICE.email) as api:
        asked = {"model": MODEL, "version": 3, "alias": "challenger", "reason": "x" * 10_000}
        answer = api.post("/release-requests", json=asked)
    assert answer.status_code == 422
    assert answer.json()["detail"] == "The reason has 10,000 characters."
    assert f"{LONGEST_REASON:,}" in answer.json()["hint"]
    assert len(_requests(demo)) == before


@pytest.mark.parametrize("alias", ["latest", "two words", "v3", "<b>champion</b>"])
def test_an_alias_that_mlflow_would_not_take_is_told_before_anything_is_asked(
    visit: Visit, alias: str
) -> None:
    alice = visit(ALICE, f"/request?name={MODEL}&version=3&alias={alias.replace(' ', '%20')}")
    alice.reads(f"'{alias}' cannot be an alias.")
    alice.reads("are taken by MLflow.")
    expect(alice.page.get_by_role("button", name="Ask for this release")).to_have_count(0)


@pytest.mark.parametrize(
    ("at", "words"),
    [
        ("/model?name=no-such-model", "no-such-model"),
        ("/compare?name=credit-pd&left=4&right=99", "credit-pd has no version 99"),
        ("/explain?name=credit-pd&version=99", "credit-pd has no version 99"),
        ("/release?id=RR-1999-0001", "There is no such request."),
        ("/request?name=credit-pd&version=99", "What the gates say now"),
    ],
)
def test_an_address_of_something_that_is_not_there_is_answered_in_words(
    visit: Visit, at: str, words: str
) -> None:
    alice = visit(ALICE, at)
    alice.reads(words)
    alice.reads_not("Incident")


def test_markup_in_a_reason_is_shown_as_it_was_typed_and_two_who_decide_at_once_are_told_apart(
    demo: Demo, chromium: Browser, visit: Visit
) -> None:
    alice = visit(ALICE, FORM)
    _ask(alice, MARKUP)
    alice.page.wait_for_url("**/release?id=RR-*")
    number = alice.page.url.rpartition("=")[2]
    alice.reads(MARKUP)
    expect(alice.page.locator("#planted")).to_have_count(0)
    assert alice.page.title() != "owned"
    by = _by(demo, ALICE.email)
    desk = demo.stack.portal.requests
    until(lambda: desk.get(number, by=by).state is State.IN_REVIEW, f"{number} can be decided")

    grace = _by(demo, GRACE.email)
    second, code = demo.stack.portal.people.add(
        "Rita Rival", "rita.rival@norrland.example", by=grace
    )
    demo.stack.portal.people.accept_invitation(code, PASSWORD)
    given = demo.stack.portal.grants.give(second.id, Role.APPROVER, EVERYTHING, by=grace)
    bob = visit(BOB, f"/release?id={number}")
    rita = person(chromium, demo.stack.url, second.email, PASSWORD, at=f"/release?id={number}")
    for reviewer in (bob, rita):
        reviewer.reads(MARKUP)
        expect(reviewer.page.locator("#planted")).to_have_count(0)
        reviewer.page.get_by_role("button", name="Reject", exact=True).click()
        dialog = reviewer.page.get_by_role("dialog")
        dialog.get_by_label("Reason (required)").fill(f"{reviewer.name} says no.")
    for reviewer in (bob, rita):
        reviewer.page.get_by_role("button", name="Sign and reject").click()

    told = rita.page.get_by_role("alert")
    expect(told).to_contain_text("This request is rejected")
    rita.page.reload()
    rita.reads("Rejected")
    bob.reads("v3 does not become challenger.")
    decided = desk.get(number, by=by)
    assert decided.state is State.REJECTED
    assert [one.person_id for one in decided.decisions] == [_by(demo, BOB.email).id]
    assert rita.complaints == []
    rita.close()
    demo.stack.portal.grants.take(given.id, by=grace)


def test_a_version_that_is_live_already_cannot_be_asked_for(visit: Visit) -> None:
    dan = visit(DAN, f"/request?name={MODEL}&version=2&alias=champion")
    dan.reads("Version 2 is champion already.")
    dan.reads_not("becomes")
    expect(dan.page.get_by_role("button", name="Ask for this release")).to_have_count(0)
