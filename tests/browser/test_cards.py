"""A model card, told by the person who writes it: edited, published, complete, taken away."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from playwright.sync_api import expect

from app.demo.organisation import ALICE, CAROL
from catalog.registry.cards.schema import insist_valid
from tests.browser.conftest import Visit
from tests.browser.visits import Visitor

MODEL: Final = "credit-scorecard"


def write(here: Visitor, label: str, words: str) -> None:
    here.page.get_by_label(label, exact=True).first.fill(words)
    here.page.keyboard.press("Tab")
    here.settle()


def test_alice_writes_a_card_and_takes_it_away_and_carol_only_reads(visit: Visit) -> None:
    alice = visit(ALICE, f"/model?name={MODEL}&tab=Card")
    alice.reads("0 of 100")
    alice.page.get_by_role("button", name="Write the card").click()
    publish = alice.page.get_by_role("button", name="Publish the card")
    expect(publish).to_be_disabled()

    write(alice, "Users", "tbd")
    alice.reads("Users, entry 1 says nothing.")
    expect(publish).to_be_disabled()

    write(alice, "Users", "Credit officers of the loan desk")
    write(alice, "Intended use", "Explain a decision on a retail loan to the applicant.")
    alice.reads("30 of 100")
    alice.shot("card-editor")

    # The draft is still there after a look at another tab.
    alice.page.get_by_role("tab", name="Versions").click()
    alice.reads("Work with one version")
    alice.page.get_by_role("tab", name="Card").click()
    expect(alice.page.get_by_label("Users", exact=True)).to_have_value(
        "Credit officers of the loan desk"
    )
    publish.click()
    alice.reads("revision 1, Alice Moreau")
    alice.reads("30 of 100")
    alice.shot("card")

    with alice.page.expect_download() as waited:
        alice.page.get_by_role("button", name="CycloneDX 1.7").click()
    written = Path(waited.value.path()).read_text("utf-8")
    insist_valid(written)
    card = json.loads(written)["components"][0]["modelCard"]
    assert card["considerations"]["users"] == ["Credit officers of the loan desk"]
    assert card["modelParameters"]["datasets"]

    carol = visit(CAROL, f"/model?name={MODEL}&tab=Card")
    carol.reads("revision 1, Alice Moreau")
    expect(carol.page.get_by_role("button", name="Edit the card")).to_have_count(0)
