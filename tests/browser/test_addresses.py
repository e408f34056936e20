"""The address says what is shown, so that it can be sent, read again and gone back to."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import expect

from app.demo.organisation import ALICE, GRACE
from tests.browser.conftest import Visit
from tests.browser.visits import SECONDS, Visitor


def test_a_link_from_one_model_to_a_similar_one_is_an_address_and_a_step_of_its_own(
    visit: Visit,
) -> None:
    alice = visit(ALICE, "/model?name=credit-pd&tab=Card")
    similar = alice.main.get_by_role("link", name=re.compile("credit-scorecard"))

    similar.first.click()

    is_at(alice, "/model?name=credit-scorecard")
    _is_titled(alice, "credit-scorecard")
    alice.page.reload()
    alice.settle()
    _is_titled(alice, "credit-scorecard")
    alice.page.go_back()
    is_at(alice, "/model?name=credit-pd&tab=Card")
    _is_titled(alice, "credit-pd")
    expect(alice.page.get_by_role("tab", name="Card")).to_have_attribute("aria-selected", "true")
    alice.page.go_forward()
    _is_titled(alice, "credit-scorecard")


@pytest.mark.parametrize("screen", ["model", "compare"])
def test_a_model_that_is_chosen_stands_in_the_address_and_the_way_back_leads_to_the_choice(
    visit: Visit, screen: str
) -> None:
    alice = visit(ALICE, f"/{screen}")
    alice.reads("Choose a model.")

    alice.main.get_by_role("link", name="credit-pd", exact=False).first.click()

    alice.page.wait_for_url(f"**/{screen}?name=credit-pd*")
    alice.settle()
    alice.reads_not("Choose a model.")
    alice.page.reload()
    alice.settle()
    alice.reads_not("Choose a model.")
    alice.page.go_back()
    alice.reads("Choose a model.")
    is_at(alice, f"/{screen}")


def test_a_use_case_that_is_opened_stands_in_the_address_and_so_does_the_list(
    visit: Visit,
) -> None:
    grace = visit(GRACE, "/use_case")
    cards = grace.main.locator("[class*='st-key-result-'] a")
    first, second = (cards.nth(place).inner_text().split("\n")[-1] for place in (0, 1))

    cards.first.click()
    grace.page.wait_for_url("**/use_case?id=*")
    _is_titled(grace, first)
    grace.page.reload()
    grace.settle()
    _is_titled(grace, first)
    grace.main.get_by_role("link", name="All AI use cases").click()
    is_at(grace, "/use_case")
    grace.main.get_by_role("link", name=second).click()
    grace.page.wait_for_url("**/use_case?id=*")
    _is_titled(grace, second)

    grace.page.go_back()
    is_at(grace, "/use_case")
    grace.page.go_back()
    _is_titled(grace, first)


def test_on_discover_each_choice_is_a_step_back_and_what_is_typed_is_none(visit: Visit) -> None:
    alice = visit(ALICE, "/")
    alice.menu("Discover")
    found = alice.main.locator(".st-key-found")
    box = alice.page.get_by_role("searchbox", name="Search models")
    box.press_sequentially("credit", delay=40)
    expect(found).to_contain_text("4 models for “credit”")
    alice.page.get_by_role("button", name="Retail credit").click()
    is_at(alice, "/discover?q=credit&domain=Retail+credit")
    expect(found).to_contain_text("2 models for “credit”")
    alice.page.get_by_role("radio", name="Name").click()
    is_at(alice, "/discover?q=credit&domain=Retail+credit&sort=Name")

    alice.page.go_back()
    is_at(alice, "/discover?q=credit&domain=Retail+credit")
    expect(alice.page.get_by_role("radio", name="Best match")).to_be_checked()
    expect(found).to_contain_text("2 models for “credit”")
    alice.page.go_back()
    is_at(alice, "/discover?q=credit")
    expect(found).to_contain_text("4 models for “credit”")
    expect(box).to_have_value("credit")
    alice.page.go_back()
    is_at(alice, "/")
    alice.page.go_forward()
    is_at(alice, "/discover?q=credit")
    expect(found).to_contain_text("4 models for “credit”")


def test_the_page_one_is_on_is_shown_with_nothing_chosen_when_it_is_chosen_again(
    visit: Visit,
) -> None:
    alice = visit(ALICE, "/releases")
    results = alice.main.locator("[class*='st-key-result-']")
    every = results.count()
    alice.page.get_by_role("button", name="Rejected", exact=True).click()
    is_at(alice, "/releases?state=Rejected")
    expect(results).to_have_count(1)

    alice.menu("Releases")

    is_at(alice, "/releases")
    expect(results).to_have_count(every)
    alice.page.go_back()
    is_at(alice, "/releases?state=Rejected")
    expect(results).to_have_count(1)


def test_a_link_in_a_table_leads_on_without_reading_the_app_again(visit: Visit) -> None:
    alice = visit(ALICE, "/")
    alice.page.evaluate("window.isStillHere = true")

    alice.main.locator("table a").first.click()

    alice.page.wait_for_url("**/release?id=RR-*")
    alice.reads("The decision asked")
    assert alice.page.evaluate("window.isStillHere")
    alice.page.go_back()
    is_at(alice, "/")


def is_at(who: Visitor, address: str) -> None:
    """Until this is the address; in which order its parameters stand says nothing."""
    wanted = urlsplit(address)

    def is_it(url: str) -> bool:
        found = urlsplit(url)
        return found.path == wanted.path and parse_qs(found.query) == parse_qs(wanted.query)

    who.page.wait_for_url(is_it, timeout=SECONDS)
    who.settle()


def _is_titled(who: Visitor, words: str) -> None:
    expect(who.page.locator("h1").first).to_contain_text(words, timeout=SECONDS)
    who.settle()
