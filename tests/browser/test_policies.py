"""The past is asked by the worker, under a draft or again; who asked may leave, and shares it."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from app.demo.organisation import CAROL, ERIK, GRACE
from catalog.releases.policies.reading import pack_text
from tests.browser.conftest import Demo, Visit
from tests.browser.visits import SECONDS


def test_past_decisions_are_asked_again_and_the_address_shares_what_was_found(
    demo: Demo, visit: Visit
) -> None:
    erik = visit(ERIK, "/policies?tab=Ask+again")
    erik.page.get_by_role("button", name="Ask again", exact=True).click()
    erik.page.wait_for_url(re.compile("replay=try_"))
    erik.menu("Releases")
    erik.page.go_back()
    erik.settle()
    erik.reads("The address of this page shares it.")
    erik.reads(re.compile("Asked again.*decisions.*Differ.*0", re.DOTALL))
    erik.reads("The same")
    erik.shot("policies-asked-again")
    carol = visit(CAROL, erik.page.url.removeprefix(demo.stack.url))
    carol.reads(f"Asked for by {ERIK.name}")
    carol.reads("The same")
    expect(carol.page.get_by_role("button", name="Cancel")).to_have_count(0)
    again = carol.page.get_by_role("table", name="Decisions asked again")
    number = again.get_by_role("link", name=re.compile("^RR-")).first
    asked = number.inner_text()
    number.click()
    carol.settle()
    carol.reads(asked)
    assert "/release?id=" in carol.page.url


# It covers no release of the demo, so that it may be published among the other stories.
ASIDE = (
    pack_text("baseline")
    .replace("name: baseline", "name: aside")
    .replace("title: Baseline release policy", "title: Law aside\napplies_to: {aliases: [aside]}")
    + """
windows: [{days: [mon], opens: "09:00", closes: "16:00"}]
unapproved: roll back
"""
)


def test_a_draft_is_found_again_and_once_published_it_is_shown_in_force(visit: Visit) -> None:
    grace = visit(GRACE, "/policies?tab=Write")
    draft = grace.page.get_by_role("textbox", name="Policy", exact=True)
    draft.fill(ASIDE.replace("margin: 0.0", "magin: 0.0"))
    draft.press("Control+Enter")
    grace.reads("Did you mean margin?")
    grace.reads("magin: 0.0")
    assert "Mono" in draft.evaluate("area => getComputedStyle(area).fontFamily")
    draft.fill(ASIDE)
    grace.menu("Releases")
    grace.open("/policies?tab=Write")
    expect(draft).to_have_value(ASIDE)
    grace.reads("Monday, 09:00 to 16:00 (UTC)")
    goes_over = grace.page.get_by_role("table", name="What would be governed by another policy")
    expect(goes_over).to_contain_text("Baseline release policy v1")
    expect(goes_over).to_contain_text("Law aside v1")
    chooser = grace.main.get_by_role("combobox", name="Model")
    chooser.fill("credit-pd")
    chooser.press("Enter")
    gates = grace.page.get_by_role("table", name="Gates", exact=True)
    expect(gates).to_contain_text("Every file of the version has its SHA-256 on record")
    grace.shot("policies-draft")
    grace.page.get_by_role("button", name="Publish", exact=True).click()
    dialog = grace.page.get_by_role("dialog")
    expect(dialog).to_contain_text("set back by itself")
    expect(dialog).to_contain_text("Baseline release policy v1")
    dialog.get_by_label("Reason (required)").fill("To see it in force.")
    grace.shot("policies-publish")
    dialog.get_by_role("button", name="Sign and publish").click()
    grace.reads("Law aside, version 1, is in force.")
    expect(dialog).to_have_count(0)
    expect(grace.page.get_by_role("tab", name="In force")).to_have_attribute(
        "aria-selected", "true"
    )
    grace.reads("aside v1")
    grace.reads("Monday, 09:00 to 16:00 (UTC)")
    grace.shot("policies-in-force")
    grace.page.get_by_role("tab", name="Write").click()
    expect(draft).to_have_value("")
    grace.open("/policies?policy=aside")
    grace.page.get_by_role("button", name="End this policy").click()
    dialog.get_by_label("Reason (required)").fill("It was a story.")
    dialog.get_by_role("button", name="Sign and end").click()
    grace.reads("Law aside has ended.")
    grace.open("/policies?tab=History")
    grace.reads("What was published or ended")


def test_a_draft_is_tried_on_the_past_and_its_address_brings_it_back(
    demo: Demo, visit: Visit
) -> None:
    grace = visit(GRACE, "/policies?tab=Write")
    draft = grace.page.get_by_role("textbox", name="Policy", exact=True)
    draft.fill(pack_text("baseline"))
    draft.press("Control+Enter")
    grace.page.get_by_role("button", name="Try it on the past").click()
    grace.page.wait_for_url(re.compile("trial=try_"))
    grace.reads("On the past and on what is live")
    grace.reads(re.compile("0 of [0-9]+ would have had another answer"))
    picture = grace.page.locator(".st-key-tried-verdicts")
    expect(picture).to_contain_text("Past requests, with this", timeout=SECONDS)
    expect(picture).to_contain_text(re.compile("[0-9]+ pass"))
    grace.shot("policies-tried")
    carol = visit(CAROL, grace.page.url.removeprefix(demo.stack.url))
    carol.reads(f"Asked for by {GRACE.name}")
    carol.reads_not("This was found of another text than the draft above.")
    expect(carol.page.get_by_role("textbox", name="Policy", exact=True)).to_have_value(
        re.compile("name: baseline")
    )
