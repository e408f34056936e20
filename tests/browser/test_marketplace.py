"""A restricted model: asked for, opened to one person, and what they then read of its versions."""

from __future__ import annotations

from playwright.sync_api import Locator, expect

from app.demo.organisation import ALICE, DAN
from tests.browser.conftest import Visit
from tests.browser.visits import Visitor

MODEL = "loan-lgd"
HERE = f"/model?name={MODEL}"
BECAUSE = "Its parameters would help people to game the estimate."
PURPOSE = "Setting it beside my scorecard on the same loans."
MESSAGE = "Trained before the collateral was valued anew."


def test_somebody_kept_out_asks_the_owner_lets_them_in_and_they_read_what_is_deprecated(
    visit: Visit,
) -> None:
    alice = visit(ALICE, HERE)
    _chooses(alice, "Restrict")
    _says(alice, "Reason (required)", BECAUSE).get_by_role("button", name="Restrict").click()
    alice.reads("Restricted")
    alice.settle()

    dan = visit(DAN, HERE)
    dan.reads("This model is restricted")
    dan.reads(BECAUSE)
    dan.reads_not("Version history")
    dan.page.get_by_role("button", name="Ask for access").click()
    asking = _says(dan, "What do you need it for? (required)", PURPOSE)
    asking.get_by_role("button", name="Ask", exact=True).click()
    dan.reads("Nobody has answered yet")
    dan.shot("marketplace-1-asked")

    alice.menu("Inbox")
    alice.reads(PURPOSE)
    alice.shot("marketplace-2-inbox")
    alice.page.get_by_role("button", name="Accept").click()
    alice.page.get_by_role("dialog").get_by_role("button", name="Let them in").click()
    alice.reads_not(PURPOSE)

    alice.open(f"{HERE}&tab=Versions&version=1")
    alice.page.get_by_role("button", name="Deprecate this version").click()
    _says(alice, "Message (required)", MESSAGE).get_by_role("button", name="Deprecate").click()
    alice.reads("v1 is deprecated")
    alice.settle()

    dan.open(f"{HERE}&tab=Versions&version=1")
    dan.reads("v1 is deprecated")
    dan.reads(MESSAGE)
    dan.shot("marketplace-3-read")

    alice.open(HERE)
    _chooses(alice, "Open to everybody")
    _says(alice, "Reason (required)", "Told.").get_by_role("button", name="Open it").click()
    expect(alice.page.get_by_role("dialog")).to_have_count(0)


def _chooses(who: Visitor, act: str) -> None:
    who.page.get_by_role("button", name="More", exact=True).click()
    who.page.get_by_text(act, exact=True).click()


def _says(who: Visitor, field: str, words: str) -> Locator:
    """Fill in a field of the dialog that is open; returns the dialog."""
    dialog = who.page.get_by_role("dialog")
    dialog.get_by_label(field).fill(words)
    return dialog
