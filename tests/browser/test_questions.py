"""The questions people come with: each answered from Home in two clicks, with its source."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import pytest
from playwright.sync_api import Page, expect

from app.demo.organisation import ALICE
from catalog.assurance.runner import ExplainResult
from tests.browser.conftest import Visit
from tests.browser.visits import Visitor
from tests.stack import until

MODEL: Final = "credit-pd"
MOST_CLICKS: Final = 2
# Counted by the browser itself, in the capture phase, before any program of the page sees it.
_COUNTER: Final = """
addEventListener('pointerdown', () =>
  sessionStorage.setItem('clicks', 1 + Number(sessionStorage.getItem('clicks'))), true)
"""
_MOMENT: Final = r"\d{1,2} \w{3} \d{4}, \d\d:\d\d UTC"
_DAY: Final = r"\d{1,2} \w{3} \d{4}"
MIRRORED: Final = rf"Mirrored from MLflow (just now|\d+ \w+ ago), {_MOMENT}"
MIRRORED_AGO: Final = r"Mirrored from MLflow (just now|\d+ \w+ ago)"
OWN: Final = rf"Releases and owners from Countersign's own record.* {_MOMENT}"
MEASURED: Final = r"synthetic-lending-evaluation [0-9a-f]{8}"


def _stay(_here: Visitor) -> None:
    """The answer is on Home."""


def _search(here: Visitor) -> None:
    here.page.get_by_role("searchbox", name="Search models").fill("loan default")
    here.page.keyboard.press("Enter")
    here.page.wait_for_url("**/discover?q=loan*")
    here.settle()
    here.page.get_by_text("Best measured", exact=True).click()
    here.page.wait_for_url("**sort=Best*")
    here.settle()
    # The best one stands first, by the metric on which the policy decides.
    cards = here.main.locator("[class*='st-key-result-']")
    expect(cards.first).to_contain_text(MODEL)


def _model(here: Visitor) -> None:
    here.page.get_by_role("link", name=MODEL).first.click()
    here.page.wait_for_url(f"**/model?name={MODEL}")
    here.settle()


@dataclass(frozen=True)
class Question:
    """What is asked, the way to the answer, and what the page must say, source and date too."""

    asked: str
    go: Callable[[Visitor], None]
    answers: tuple[str, ...]
    source: str = MIRRORED


QUESTIONS: Final = (
    Question(
        "1 which model predicts loan default best",
        _search,
        (r"credit-pd @champion v4 .*?AUC 0\.767 v4 on synthetic-lending-evaluation",),
        MIRRORED_AGO,
    ),
    Question(
        "2 which version is champion now",
        _stay,
        (rf"credit-pd @champion v4 .*? live since {_DAY}",),
    ),
    Question(
        "4 who promoted it, on whose approval, and why",
        _model,
        (
            rf"Live now @champion v4 since {_MOMENT}",
            rf"Boosted trees rank defaults better than version 3.*? Alice Moreau, {_MOMENT}",
            rf"Why it was approved “Better on the same evaluation data.*?” Bob Okafor, {_MOMENT}",
            rf"Countersign moved the alias in MLflow {_MOMENT}",
        ),
        OWN,
    ),
    Question(
        "5 on what data was it trained",
        _model,
        (r"Trained on synthetic-lending-training [0-9a-f]{8}, 5,600 rows \(training\)",),
    ),
    Question(
        "6 what changed against the previous version",
        _model,
        (
            r"What changed against the previous version v3 to v4",
            r"AUC 0\.763 → 0\.767, (better|within noise) on the same rows",
            r"family random forest → boosted trees",
            r"Data identical",
        ),
    ),
    Question(
        "10 who uses it",
        _model,
        (
            r"Used by Loan desk \(simulated\)",
            rf"Calls \d+ a day over 30 days, last {_MOMENT}",
        ),
        OWN,
    ),
    Question(
        "11 who may promote it, and what stands in the way",
        _model,
        (
            r"Who may promote it, and what stands in the way v5 to @champion",
            r"Stands at RR-\d{4}-\d{4}, in review, asked by Dan Weber",
            r"May decide .*?Bob Okafor",
            r"Performance Pass AUC is 0\.826, not worse than the 0\.7666 of v4",
            r"Artifacts Pass Every file of the version is on record",
        ),
        OWN,
    ),
    Question(
        "12 what is it worth",
        _model,
        (
            rf"Value [\d,]+ EUR in 30 days, declared by Carol Lind {_DAY}",
            r"18\.00 EUR for each approve and 96\.00 EUR for each decline",
        ),
        OWN,
    ),
)


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda one: one.asked)
def test_a_question_is_answered_from_home_in_two_clicks(visit: Visit, question: Question) -> None:
    alice = visit(ALICE)
    _count_from_here(alice.page)

    question.go(alice)

    for answer in question.answers:
        _says(alice, answer)
    _says(alice, question.source)
    assert _clicks(alice.page) <= MOST_CLICKS


def test_which_features_drive_it_is_answered_from_home_in_two_clicks(
    explained: ExplainResult, visit: Visit
) -> None:
    strengths = dict(zip(explained.features, explained.importance, strict=True))
    ranked = sorted(strengths, key=lambda name: -strengths[name])
    alice = visit(ALICE)
    _count_from_here(alice.page)

    _model(alice)

    _says(alice, r"What drives it v4.*?" + r".*?".join(map(re.escape, ranked[:3])))
    _says(alice, MIRRORED)
    alice.main.get_by_role(
        "link", name=re.compile("drives|explanation", re.IGNORECASE)
    ).first.click()
    alice.page.wait_for_url("**/explain?*")
    alice.settle()
    alice.reads("mean absolute contribution")
    _says(alice, rf"When {_MOMENT}")
    _says(alice, r"Sample evaluation sample of the run")
    expect(alice.page.get_by_text("verified: computed by Countersign").first).to_be_visible()
    assert _clicks(alice.page) <= MOST_CLICKS


def _count_from_here(page: Page) -> None:
    page.evaluate("sessionStorage.setItem('clicks', 0)")
    page.evaluate(_COUNTER)


def _clicks(page: Page) -> int:
    return int(page.evaluate("Number(sessionStorage.getItem('clicks'))"))


def _says(here: Visitor, pattern: str) -> None:
    """The page says it, wherever lines are broken."""

    def said() -> bool:
        words = " ".join(here.main.inner_text().split())
        return re.search(pattern, words) is not None

    until(said, f"the page says {pattern}\n{here.main.inner_text()}", within=15)
