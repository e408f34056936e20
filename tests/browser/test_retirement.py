"""A live version is taken out of service: asked by its builder, approved, gone from MLflow."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from app.demo.organisation import BOB, DAN
from tests.browser.conftest import Demo, Visit
from tests.stack import until

MODEL = "arrears-early-warning"
MINUTES = 240_000


def test_the_champion_is_retired_with_those_told_who_rely_on_it(demo: Demo, visit: Visit) -> None:
    dan = visit(DAN, f"/model?name={MODEL}")
    dan.page.get_by_role("button", name="Retire", exact=True).click()
    dialog = dan.page.get_by_role("dialog")
    expect(dialog).to_contain_text("Collections batch (simulated) relies on it")
    dialog.get_by_label("Reason (required)").fill("Collections calls everybody now.")
    today = demo.stack.portal.clock.now()
    for part, value in (("year", today.year), ("month", today.month), ("day", today.day)):
        dialog.get_by_role("spinbutton", name=re.compile(f"^{part},")).click()
        dan.page.keyboard.type(str(value))
    dan.page.keyboard.press("Tab")
    dan.shot("retirement-1-asking")
    dialog.get_by_role("button", name="Ask for its retirement").click()
    dan.page.wait_for_url("**/release?id=*")
    dan.settle()
    number = dan.page.url.rpartition("=")[2]

    bob = visit(BOB, f"/release?id={number}")
    bob.reads(f"Take @champion away from {MODEL}")
    approve = bob.page.get_by_role("button", name="Approve", exact=True)
    expect(approve).to_be_enabled(timeout=MINUTES)
    bob.shot("retirement-2-deciding")
    approve.click()
    signing = bob.page.get_by_role("dialog")
    expect(signing).to_contain_text("Whoever loads the model by this alias finds nothing then")
    signing.get_by_label("Reason (required)").fill("They were told, and the list is not used.")
    signing.get_by_role("button", name="Sign and approve").click()
    bob.reads(re.compile(r"@champion away from v\d+ taken in MLflow"), within=MINUTES)
    bob.shot("retirement-3-receipt")

    assert "champion" not in demo.stack.mlflow.get_registered_model(MODEL).aliases

    def is_shown() -> bool:
        dan.open(f"/model?name={MODEL}")
        return "Nothing is live." in dan.main.inner_text()

    until(is_shown, "the Model page says that nothing is live")
    dan.reads("Retired")
    dan.shot("retirement-4-gone")
