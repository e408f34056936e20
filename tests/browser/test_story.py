"""The whole story: found, understood, asked for, decided by another, live, on record, and seen."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from app.demo.organisation import BOB, CAROL, DAN, ERIK
from auth.actors import Actor
from catalog.releases.states import PromotionState
from tests.browser.conftest import Demo, Visit
from tests.browser.visits import SECONDS
from tests.stack import until

MODEL = "credit-scorecard"
WHY = "Ranks defaults better than version 2 on the same loans, and stays a formula."
WHY_NOT_NOT = "I compared both on the same rows; the formula can still be explained."
MINUTES = 120_000
SYSTEM = Actor.system("demo")


def test_a_model_is_found_understood_released_by_two_people_recorded_and_seen(
    demo: Demo, visit: Visit
) -> None:
    before = demo.stack.mlflow.get_registered_model(MODEL).aliases["champion"]
    assert int(before) == 2

    dan = visit(DAN, "/discover")
    dan.page.get_by_role("searchbox", name="Search models").fill("formula adviser counter")
    card = dan.page.get_by_role("link", name=MODEL)
    expect(card.first).to_be_visible()
    expect(dan.page.get_by_role("link", name="credit-pd")).to_have_count(0)
    dan.shot("story-1-found")
    card.first.click()
    dan.settle()
    dan.reads("A first indication at the counter")
    dan.shot("story-2-opened")

    dan.menu("Explain")
    dan.reads(re.compile(r"What drives|Explain which model"))
    dan.open(f"/explain?name={MODEL}&version=3")
    dan.page.get_by_role("button", name="Compute the explanation").click()
    dan.reads("Being explained")
    dan.shot("story-3-being-explained")
    dan.reads("mean absolute contribution", within=MINUTES)
    dan.reads("What it may not be used to conclude")
    dan.reads("evaluation sample of the run")
    dan.shot("story-4-explained")

    dan.open(f"/model?name={MODEL}")
    dan.page.get_by_role("button", name="Request release").click()
    dan.reads("What the gates say now")
    dan.reads("≥ 0.7094")
    dan.page.get_by_label("Reason (required)").fill(WHY)
    dan.page.get_by_role("button", name="Ask for this release").click()
    dan.page.wait_for_url("**/release?id=RR-*")
    number = dan.page.url.rpartition("=")[2]
    dan.reads("In review", within=MINUTES)
    dan.reads("You asked for this release, so somebody else decides.")
    expect(dan.page.get_by_role("button", name="Approve", exact=True)).to_be_disabled()
    dan.shot("story-5-asked")

    bob = visit(BOB)
    bob.menu("Inbox")
    bob.page.get_by_role("link", name=re.compile(f"{MODEL} v3")).first.click()
    bob.page.wait_for_url(f"**/release?id={number}")
    bob.settle()
    bob.reads(WHY)
    bob.reads("SHA-256 of every file")
    bob.reads("≥ 0.7094")
    bob.shot("story-6-read")
    bob.page.get_by_role("button", name="Approve", exact=True).click()
    dialog = bob.page.get_by_role("dialog")
    expect(dialog).to_contain_text("v3 of credit-scorecard becomes champion in place of v2")
    dialog.get_by_label("Reason (required)").fill(WHY_NOT_NOT)
    dialog.get_by_role("button", name="Sign and approve").click()
    bob.reads("v3 was approved as champion.")
    bob.reads("@champion to v3 moved in MLflow", within=MINUTES)
    bob.shot("story-7-receipt")

    asked = demo.stack.portal.requests.get(
        number, by=demo.stack.portal.people.actor(_id(demo, BOB.email))
    )
    assert asked.promotion
    assert asked.promotion.state is PromotionState.APPLIED
    live = demo.stack.mlflow.get_model_version_by_alias(MODEL, "champion")
    assert int(live.version) == 3

    erik = visit(ERIK, f"/audit?about={number}")
    for act in ("release:request", "evidence:collect", "release:approve"):
        erik.reads(act)
    erik.reads("Dan Weber")
    erik.reads("Bob Okafor")
    erik.shot("story-8-audit")
    erik.open("/audit?act=promotion:apply")
    newest = erik.page.get_by_role("row").nth(1)
    expect(newest).to_contain_text("Moved the alias in MLflow")
    expect(newest).to_contain_text(f"{MODEL}, @champion")

    until(
        lambda: demo.stack.portal.models.find(MODEL, by=SYSTEM).alias("champion").number == 3,  # type: ignore[union-attr]
        "the catalog has seen the alias move",
    )
    carol = visit(CAROL, "/impact")
    carol.reads("credit-scorecard v3 is champion", within=SECONDS)
    carol.reads("in place of v2, approved by Bob Okafor")
    carol.shot("story-9-impact")


def _id(demo: Demo, email: str) -> str:
    found = demo.stack.portal.people.by_email(email)
    assert found
    return found.id
