"""Discover: every value can be chosen and read, what was asked can be kept, and nothing is told."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from app.demo.organisation import ALICE
from tests.browser.conftest import Visit
from tests.browser.test_addresses import is_at
from tests.browser.visits import Visitor

RARE = "synthetic-lending-losses-training"
# How far anything is cut off that a person should read.
CUT = "all => all.filter(one => one.scrollWidth > one.clientWidth + 1).map(one => one.textContent)"


def test_every_value_of_a_facet_can_be_chosen_and_is_read_with_its_count(visit: Visit) -> None:
    alice = visit(ALICE, "/discover")
    alice.page.get_by_text("More ways to narrow").click()
    alice.settle()
    pills = alice.page.locator("[class*='st-key-facet-'] .stButtonGroup button")
    assert pills.locator("p").evaluate_all(CUT) == []
    assert pills.evaluate_all(CUT) == []

    more = alice.page.get_by_label("More of: Data set")
    more.click()
    # The list closes while the page scrolls to it; the next key of somebody who types opens it.
    more.press_sequentially("losses-tr", delay=100)
    alice.page.get_by_role("option", name=RARE).click()

    is_at(alice, f"/discover?data={RARE}")
    found = alice.main.locator(".st-key-found")
    expect(found).to_contain_text(re.compile(rf"^\d models? narrowed to {RARE}"))
    chosen = alice.page.get_by_role("button", name=RARE)
    expect(chosen).to_have_attribute("aria-pressed", "true")
    alice.page.reload()
    alice.settle()
    expect(found).to_contain_text(f"narrowed to {RARE}")
    alice.page.go_back()
    is_at(alice, "/discover")
    expect(found).to_contain_text("of them live as champion")


def test_a_facet_of_which_all_hits_share_the_value_is_still_there(visit: Visit) -> None:
    alice = visit(ALICE, "/discover?q=formula+adviser")
    expect(alice.main.locator(".st-key-found")).to_contain_text("1 model for")
    for title in ("Domain", "Task", "Live as", "Owner"):
        expect(alice.main.locator(".st-key-facets")).to_contain_text(title)


@pytest.mark.parametrize(
    ("address", "said", "link", "then"),
    [
        ("?q=the", "“the” says nothing of a model", "Show all models", ""),
        ("?q=champion", "It is a choice under Live as:", "Narrow to", "?live=champion"),
        ("?q=zzgqk", "No model that you may see holds “zzgqk”", "Show all models", ""),
        (
            "?q=formula+adviser&domain=Collections",
            "Without the choices the words find 1 model.",
            "Show",
            "?q=formula+adviser",
        ),
        ("?domain=Nowhere", "Take a choice away.", "Show all models", ""),
    ],
)
def test_where_nothing_is_found_it_is_said_why_and_a_link_leads_on(
    visit: Visit, address: str, said: str, link: str, then: str
) -> None:
    alice = visit(ALICE, f"/discover{address}")
    alice.reads(said)
    alice.main.locator("[class*='st-key-empty-']").get_by_role("link", name=link).click()
    is_at(alice, f"/discover{then}")
    expect(alice.main.locator("[class*='st-key-result-']").first).to_be_visible()


def test_a_search_is_kept_with_its_order_under_a_name_and_the_field_is_empty_again(
    visit: Visit,
) -> None:
    asked = "/discover?q=credit&sort=Last+changed"
    alice = visit(ALICE, asked)
    alice.page.get_by_role("button", name="Saved searches").click()
    alice.page.get_by_role("button", name="Save this search").click()
    expect(alice.page.get_by_test_id("stPopoverBody")).to_contain_text("has a name of 1 to 80")
    alice.page.get_by_label("Name", exact=True).fill("Credit, newest")
    alice.page.get_by_role("button", name="Save this search").click()

    kept = alice.page.get_by_test_id("stPopoverBody").get_by_role("link", name="Credit, newest")
    expect(kept).to_be_visible()
    expect(alice.page.get_by_label("Name", exact=True)).to_have_value("")
    alice.open("/discover")
    alice.page.get_by_role("button", name="Saved searches").click()
    kept.click()

    is_at(alice, asked)
    expect(alice.page.get_by_role("radio", name="Last changed")).to_be_checked()
    _forgets(alice)


def _forgets(alice: Visitor) -> None:
    """Leave things as they were for whoever comes next."""
    body = alice.page.get_by_test_id("stPopoverBody")
    if not body.is_visible():
        alice.page.get_by_role("button", name="Saved searches").click()
    body.get_by_role("button", name="Rename or delete").click()
    alice.page.get_by_role("dialog").get_by_role("button", name="Delete this search").click()
    expect(alice.page.get_by_role("dialog")).to_have_count(0)
