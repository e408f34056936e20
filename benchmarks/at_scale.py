"""The portal in a real browser at 100,000 models: from a key to results, from a click to a page."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from playwright.sync_api import expect

from benchmarks import large, population
from benchmarks.figures import Figure
from benchmarks.reruns import Cpu
from tests.browser.visits import SECONDS, Visitor, a_browser, person

ROUNDS: Final = 15
_WORDS: Final = ("fraud", "churn", "demand", "pricing", "maintenance", "loan default")


def measure(models: int = population.MODELS) -> list[Figure]:
    """Medians of what somebody waits for who is signed in and has been here before."""
    with (
        tempfile.TemporaryDirectory(prefix="countersign-bench-") as folder,
        large.running(Path(folder), models=models) as portal,
        a_browser() as browser,
    ):
        visitor = person(browser, portal.url, portal.email("alice"), portal.password)
        cpu = Cpu(portal.process)
        return [*_typed(visitor), *_opened(visitor, cpu)]


def _typed(visitor: Visitor) -> Iterator[Figure]:
    visitor.open("/discover")
    field = visitor.page.get_by_role("searchbox", name="Search models")
    spent = []
    for number in range(ROUNDS + 3):
        word = _WORDS[number % len(_WORDS)]
        field.fill("")
        visitor.reads(", ")
        visitor.settle()
        field.press_sequentially(word[:-1])
        visitor.reads(f"for “{word[:-1]}”")
        visitor.settle()
        began = time.perf_counter()
        field.press_sequentially(word[-1])
        expect(visitor.main).to_contain_text(f"for “{word}”", timeout=SECONDS)
        spent.append((time.perf_counter() - began) * 1000)
    # The field waits 60 ms for the next key before it asks; that wait is part of the figure.
    name = "browser: last key to new results, p50"
    yield Figure(name, statistics.median(spent[3:]), "ms", 300.0)


def _opened(visitor: Visitor, cpu: Cpu) -> Iterator[Figure]:
    spent, used = [], []
    for number in range(ROUNDS + 3):
        visitor.open(f"/discover?q={_WORDS[number % len(_WORDS)].replace(' ', '+')}")
        card = visitor.main.get_by_role("link").filter(has_text="-0").first
        name = (card.text_content() or "").strip().removeprefix("deployed_code").strip()
        with cpu.counted() as seconds:
            began = time.perf_counter()
            card.click()
            expect(visitor.main.locator("h1")).to_contain_text(name, timeout=SECONDS)
            expect(visitor.main).to_contain_text("v5", timeout=SECONDS)
            spent.append((time.perf_counter() - began) * 1000)
            visitor.settle()
        used.append(seconds[0] * 1000)
    yield Figure(
        "browser: Model page, click to readable, p50", statistics.median(spent[3:]), "ms", 500.0
    )
    yield Figure("browser: Model page, server CPU, p50", statistics.median(used[3:]), "ms", 100.0)
