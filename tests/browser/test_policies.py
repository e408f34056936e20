"""Past approvals are asked again by the worker; who asked may leave, and shares what was found."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from app.demo.organisation import CAROL, ERIK
from tests.browser.conftest import Demo, Visit


def test_past_approvals_are_asked_again_and_the_address_shares_what_was_found(
    demo: Demo, visit: Visit
) -> None:
    erik = visit(ERIK, "/policies?tab=Ask+again")
    erik.page.get_by_role("button", name="Ask again", exact=True).click()
    erik.page.wait_for_url(re.compile("replay=try_"))
    erik.menu("Releases")
    erik.page.go_back()
    erik.settle()
    erik.reads("The address of this page shares it.")
    erik.reads(re.compile("Asked again.*approvals.*Differ.*0", re.DOTALL))
    erik.reads("The same")
    erik.shot("policies-asked-again")
    carol = visit(CAROL, erik.page.url.removeprefix(demo.stack.url))
    carol.reads(f"Asked for by {ERIK.name}")
    carol.reads("The same")
    expect(carol.page.get_by_role("button", name="Cancel")).to_have_count(0)
