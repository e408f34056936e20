"""A reviewer decides by keyboard alone, on a condition, and sees that it was met."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, expect

from app.demo.organisation import BOB, DAN
from auth.actors import Actor
from tests.browser.conftest import Demo, Visit
from tests.browser.visits import Visitor
from tests.stack import until

MODEL = "wine-origin"
CONDITION = "Write down in the card how the opinion is watched."
SYSTEM = Actor.system("demo")
MINUTES = 240_000
_MOST_TABS = 150


def test_signing_on_a_page_of_the_past_approves_nothing_and_shows_what_changed(
    demo: Demo, visit: Visit
) -> None:
    bob = visit(BOB, "/inbox")
    bob.page.get_by_role("link", name=re.compile(f"{MODEL} v3")).first.click()
    bob.page.wait_for_url("**/release?id=*")
    bob.settle()
    number, portal = bob.page.url.rpartition("=")[2], demo.stack.portal
    bob.page.get_by_role("button", name="Approve", exact=True).click()
    dialog = bob.page.get_by_role("dialog")
    dialog.get_by_label("Reason (required)").fill("The first one, and accurate.")
    dan = portal.people.by_email(DAN.email)
    assert dan is not None
    request = portal.requests.get(number, by=SYSTEM)
    says = {"check": "unit tests", "passed": True}
    portal.evidence.attach(request.version_id, "check", says, by=portal.people.actor(dan.id))

    def is_read_again() -> bool:
        now = portal.requests.get(number, by=SYSTEM)
        return bool(now.rounds) and now.state == "In review"

    until(is_read_again, "the worker reads the request again by itself")
    dialog.get_by_role("button", name="Sign and approve").click()
    expect(dialog).to_be_hidden()
    bob.reads("Not approved: the request was read again since you opened it.")
    bob.reads("the evidence changed since the request was read: check unit tests")
    expect(bob.page.get_by_role("button", name="Approve", exact=True)).to_be_enabled()
    bob.shot("reviewing-0-read-again")


def test_a_reviewer_decides_from_inbox_to_receipt_by_keyboard_alone(
    demo: Demo, visit: Visit
) -> None:
    bob = visit(BOB, "/inbox")
    _press_on(bob, bob.page.get_by_role("link", name=re.compile(f"{MODEL} v3")).first)
    bob.page.wait_for_url("**/release?id=*")
    bob.settle()
    number = bob.page.url.rpartition("=")[2]
    bob.shot("reviewing-1-read")
    _press_on(bob, bob.page.get_by_role("button", name="Approve with conditions", exact=True))
    dialog = bob.page.get_by_role("dialog")
    expect(dialog).to_contain_text("revokes the approval by itself")
    _write_into(bob, dialog.get_by_label("Reason (required)"), "The first one, and accurate.")
    _write_into(bob, dialog.get_by_label("Condition 1"), CONDITION)
    bob.shot("reviewing-2-signing")
    _press_on(bob, dialog.get_by_role("button", name="Sign and approve"))
    bob.reads("v3 was approved as champion on conditions until")
    bob.reads("@champion to v3 moved in MLflow", within=MINUTES)
    bob.reads(CONDITION)
    bob.shot("reviewing-3-receipt")

    dan = visit(DAN, f"/release?id={number}")
    dan.page.get_by_role("link", name=re.compile(CONDITION[:30])).click()
    dan.page.wait_for_url("**/findings?id=F-*")
    dan.settle()
    dan.page.get_by_role("button", name="It was put right").click()
    dan.page.get_by_role("dialog").get_by_label("What was done (required)").fill("It is there now.")
    dan.page.get_by_role("button", name="Sign", exact=True).click()
    dan.reads("It is there now.")
    dan.reads("Somebody who had no part in it looks")

    bob.open(f"/findings?id={dan.page.url.rpartition('=')[2]}")
    bob.page.get_by_role("button", name="Close", exact=True).click()
    bob.page.get_by_role("dialog").get_by_label("What you looked at").fill("I read the card.")
    bob.page.get_by_role("button", name="Close it").click()
    bob.reads("I read the card.")
    bob.shot("reviewing-4-closed")
    until(
        lambda: demo.stack.portal.requests.get(number, by=SYSTEM).state == "Approved",
        "the last condition that is met makes it a plain approval",
    )


def _press_on(who: Visitor, wanted: Locator) -> None:
    """Walk there with the Tab key, and press Enter."""
    _walk_to(who, wanted)
    who.page.keyboard.press("Enter")


def _write_into(who: Visitor, field: Locator, words: str) -> None:
    _walk_to(who, field)
    who.page.keyboard.type(words)


def _walk_to(who: Visitor, wanted: Locator) -> None:
    expect(wanted).to_be_enabled()
    for _ in range(_MOST_TABS):
        if wanted.evaluate("wanted => wanted === document.activeElement"):
            return
        who.page.keyboard.press("Tab")
    focused = who.page.evaluate("document.activeElement.outerHTML.slice(0, 200)")
    raise AssertionError(f"{_MOST_TABS} times Tab did not lead there, but to {focused}")
