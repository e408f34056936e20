"""Settings in a browser: a rule is tried before it binds, a file before it counts."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from app.demo.organisation import ALICE, ERIK, GRACE
from tests.browser.conftest import Demo, Visit

_TEMPLATE = "{domain}-{purpose}-{kind:pd|lgd}"


@pytest.fixture
def no_rule_stays(demo: Demo) -> Iterator[None]:
    """Whatever becomes of the story: the other stories ask for releases by their own names."""
    yield
    desks = demo.stack.portal
    person = desks.people.by_email(GRACE.email)
    assert person
    for rule in desks.naming.in_force():
        desks.naming.end(rule.id, by=desks.people.actor(person.id))


def test_a_rule_is_tried_published_and_met_by_whoever_asks_for_a_release(
    demo: Demo, visit: Visit, no_rule_stays: None
) -> None:
    grace = visit(GRACE, "/settings?tab=Naming+rules")
    grace.page.get_by_label("Template", exact=True).fill(_TEMPLATE)
    grace.page.get_by_label("Message to whoever breaks it").fill("Domain, purpose and kind.")
    grace.page.get_by_label("A name that follows it").fill("retail-credit-loans-pd")
    grace.page.get_by_role("button", name="Try it on the inventory").click()
    grace.reads("break it")
    grace.reads("arrears-early-warning")
    grace.shot("settings-naming-tried")
    grace.page.get_by_role("button", name="Publish").click()
    grace.reads("1 rule")
    alice = visit(ALICE, "/request?name=slip-digits")
    alice.reads("breaks the naming rule")
    alice.shot("settings-naming-refused")
    assert [rule.template for rule in demo.stack.portal.naming.in_force()] == [_TEMPLATE]


def test_a_file_is_tried_row_by_row_and_imported_whole(demo: Demo, visit: Visit) -> None:
    grace = visit(GRACE, "/settings?tab=Inventory")
    chooser = grace.page.get_by_test_id("stFileUploaderDropzoneInput")
    wrong = b"name,tier\nslip-digits,7\nnobody-knows,1\n"
    chooser.set_input_files({"name": "wrong.csv", "mimeType": "text/csv", "buffer": wrong})
    grace.reads("2 rows wrong")
    grace.reads("Use 1, 2 or 3")
    grace.shot("settings-import-wrong")
    right = b"name,tier\nslip-digits,2\n"
    chooser.set_input_files({"name": "right.csv", "mimeType": "text/csv", "buffer": right})
    grace.reads("1 model would change")
    grace.shot("settings-import-tried")
    grace.page.get_by_role("button", name="Change 1 model").click()
    grace.reads("1 model changed, in one act.")
    erik = visit(ERIK, "/model?name=slip-digits")
    erik.reads("Tier 2")


def test_an_auditor_reads_settings_and_changes_nothing(demo: Demo, visit: Visit) -> None:
    erik = visit(ERIK, "/settings?tab=Inventory")
    erik.reads("Export")
    erik.reads("It takes one of the roles governance admin")
    assert erik.page.get_by_test_id("stFileUploaderDropzoneInput").count() == 0
    alice = visit(ALICE, "/settings")
    alice.reads(re.compile("does not hold a role that opens this page"))


def test_a_use_case_shows_where_its_models_do_not_agree(demo: Demo, visit: Visit) -> None:
    alice = visit(ALICE, "/use_case")
    alice.main.get_by_role("link", name="Retail lending decisions").click()
    alice.settle()
    alice.reads("credit-scorecard")
    alice.reads("A lower class than its AI use case")
    alice.shot("use-case")
    alice.main.get_by_role("link", name="credit-pd", exact=True).click()
    alice.settle()
    alice.reads("Production")
