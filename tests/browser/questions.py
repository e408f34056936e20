"""The questions people come with: the way to each answer, and what it must say."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from playwright.sync_api import Locator, Page

from tests.browser.visits import Visitor
from tests.stack import until

MODEL: Final = "credit-pd"
MOST_CLICKS: Final = 2
# Counted by the browser itself, in the capture phase, before any program of the page sees it.
_COUNTER: Final = """
addEventListener('pointerdown', () =>
  sessionStorage.setItem('clicks', 1 + Number(sessionStorage.getItem('clicks'))), true)
"""
MOMENT: Final = r"\d{1,2} \w{3} \d{4}, \d\d:\d\d UTC"
DAY: Final = r"\d{1,2} \w{3} \d{4}"
MIRRORED: Final = rf"Mirrored from MLflow (just now|\d+ \w+ ago), {MOMENT}"
MIRRORED_AGO: Final = r"Mirrored from MLflow (just now|\d+ \w+ ago)"
OWN: Final = rf"Releases and owners from Countersign's own record.* {MOMENT}"
MEASURED: Final = r"synthetic-lending-evaluation [0-9a-f]{8}"


def stay(_here: Visitor) -> None:
    """The answer is on Home."""


def search_best(here: Visitor) -> None:
    """Search on Home, and have the best measured first."""
    here.page.get_by_role("searchbox", name="Search models").fill("loan default")
    here.page.keyboard.press("Enter")
    here.page.wait_for_url("**/discover?q=loan*")
    here.settle()
    here.page.get_by_text("Best measured", exact=True).click()
    here.page.wait_for_url("**sort=Best*")
    here.settle()


def results(here: Visitor) -> Locator:
    """The cards of the models that were found."""
    return here.main.locator("[class*='st-key-result-']")


def open_model(here: Visitor) -> None:
    """Open the model from Home."""
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
        search_best,
        (r"credit-pd @champion v4 .*?AUC 0\.767 v4 on synthetic-lending-evaluation",),
        MIRRORED_AGO,
    ),
    Question(
        "2 which version is champion now",
        stay,
        (rf"credit-pd @champion v4 .*? live since {DAY}",),
    ),
    Question(
        "4 who promoted it, on whose approval, and why",
        open_model,
        (
            rf"Live now @champion v4 since {MOMENT}",
            rf"Boosted trees rank defaults better than version 3.*? Alice Moreau, {MOMENT}",
            rf"Why it was approved “Better on the same evaluation data.*?” Bob Okafor, {MOMENT}",
            rf"Countersign moved the alias in MLflow {MOMENT}",
        ),
        OWN,
    ),
    Question(
        "5 on what data was it trained",
        open_model,
        (r"Trained on synthetic-lending-training [0-9a-f]{8}, 5,600 rows \(training\)",),
    ),
    Question(
        "6 what changed against the previous version",
        open_model,
        (
            r"What changed against the previous version v3 to v4",
            r"AUC 0\.763 → 0\.767 on the same rows, within noise",
            r"family random forest → boosted trees",
            r"Data identical",
        ),
    ),
    Question(
        "10 who uses it",
        open_model,
        (
            r"Used by Loan desk \(simulated\)",
            rf"Calls \d+ a day over 30 days, last {MOMENT}",
        ),
        OWN,
    ),
    Question(
        "11 who may promote it, and what stands in the way",
        open_model,
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
        open_model,
        (
            rf"Value [\d,]+ EUR in 30 days, declared by Carol Lind {DAY}",
            r"18\.00 EUR for each approve and 96\.00 EUR for each decline",
        ),
        OWN,
    ),
)


def count_from_here(page: Page) -> None:
    """Count clicks from now on."""
    page.evaluate("sessionStorage.setItem('clicks', 0)")
    page.evaluate(_COUNTER)


def clicks(page: Page) -> int:
    """How many there were."""
    return int(page.evaluate("Number(sessionStorage.getItem('clicks'))"))


def says(here: Visitor, pattern: str) -> None:
    """The page says it, wherever lines are broken."""

    def said() -> bool:
        words = " ".join(here.main.inner_text().split())
        return re.search(pattern, words) is not None

    until(said, f"the page says {pattern}\n{here.main.inner_text()}", within=15)
