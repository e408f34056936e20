"""Comparing two versions in a browser: one click from the model, one more to swap, all to share."""

from __future__ import annotations

import json
import re
from pathlib import Path

from playwright.sync_api import expect

from app.demo.organisation import ALICE, CAROL
from tests.browser.conftest import Visit
from tests.browser.visits import SECONDS


def test_one_click_compares_with_the_version_before_and_says_how_sure_it_is(visit: Visit) -> None:
    alice = visit(ALICE, "/model?name=credit-pd")
    alice.main.get_by_role("link", name=re.compile("Compare v3 and v4")).click()
    alice.reads("What is different in v4?")
    # Nobody asked the worker yet: the page does, and says so until the rows have been read.
    alice.reads("rows that both runs kept", within=SECONDS * 2)
    alice.reads("Both runs left the same rows")
    alice.reads(re.compile(r"Environment\s*Identical"))
    assert "left=3" in alice.page.url
    alice.main.get_by_role("button", name="Swap").click()
    alice.reads("What is different in v3?")
    assert "left=4" in alice.page.url
    alice.shot("compare-swapped")


def test_two_models_are_compared_and_taken_away_by_a_reader(visit: Visit, tmp_path: Path) -> None:
    carol = visit(CAROL, "/compare?name=credit-pd&left=4&right=2&with=credit-scorecard", width=420)
    carol.reads("How does credit-scorecard differ from credit-pd?")
    carol.reads("other training data")
    carol.main.get_by_role("button", name="Export").click()
    with carol.page.expect_download() as taken:
        carol.page.get_by_role("button", name="JSON").click()
    kept = tmp_path / "kept.json"
    taken.value.save_as(kept)
    told = json.loads(kept.read_text())
    assert (told["left"]["model"], told["right"]["model"]) == ("credit-pd", "credit-scorecard")


def test_any_version_is_reached_by_typing_its_number(visit: Visit) -> None:
    alice = visit(ALICE, "/compare?name=credit-pd&left=3&right=4")
    field = alice.main.get_by_role("combobox", name="From")
    field.click()
    field.fill("1")
    field.press("Enter")
    expect(alice.page).to_have_url(re.compile(r"left=1\b"), timeout=SECONDS)
    alice.reads("credit-pd v1 on the left")


def test_a_number_that_is_no_version_is_said_to_be_none(visit: Visit) -> None:
    alice = visit(ALICE, "/compare?name=credit-pd&left=77&right=4&with=no-such-model")
    alice.reads("credit-pd has no version 77")
    alice.reads("There is no model called")
    alice.reads("What is different in v4?")
