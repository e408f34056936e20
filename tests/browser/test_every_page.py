"""Every page on a phone and on a desk, by day and by night: it fits, and nothing complains."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Final

import pytest
from playwright.sync_api import TimeoutError as TooSlow

from app.demo.organisation import ALICE, BOB, CAROL, ERIK, GRACE, Person
from app.screens import PAGES
from catalog.assurance.runner import ExplainResult
from tests.browser.conftest import Demo, Visit
from tests.browser.visits import Scheme, Visitor

PHONE: Final = 420
DESK: Final = 1440
# Day and night change twice and not four times: each change draws everything anew.
LOOKS: Final[tuple[tuple[int, Scheme], ...]] = (
    (PHONE, "light"),
    (PHONE, "dark"),
    (DESK, "dark"),
    (DESK, "light"),
)
_TRACEBACK: Final = re.compile(r"Traceback|Error:|Incident inc_|\.py\"|line \d+, in ")
# What is as wide as its content may scroll by itself; the page may not.
TOO_WIDE: Final = """
() => {
  const main = document.querySelector('[data-testid=stMain]');
  return Math.max(
    document.scrollingElement.scrollWidth - innerWidth, main.scrollWidth - main.clientWidth);
}
"""
# The navigation slides in and out; what is looked at is the page that comes of it.
_SETTLE_MS: Final = 5_000
_BACKGROUND: Final = "() => getComputedStyle(document.querySelector('.stApp')).backgroundColor"

# Each screen in the hands of somebody whose work it is, empty-handed and about something.
VISITS: Final[tuple[tuple[Person, tuple[str, ...]], ...]] = (
    (
        ALICE,
        (
            *("/", "/discover", "/discover?q=loan%20default", "/discover?q=nothing-like-it"),
            *("/model", "/model?name=credit-pd", "/model?name=credit-pd&tab=Card"),
            *("/model?name=credit-pd&tab=Versions", "/model?name=credit-pd&tab=Releases"),
            *("/model?name=credit-pd&tab=Data+and+parameters", "/compare?name=credit-pd"),
            *("/explain?name=credit-pd", "/lineage?name=credit-pd", "/releases"),
            "/request?name=slip-digits",
        ),
    ),
    (
        BOB,
        (
            "/",
            "/inbox",
            "/notifications",
            "/release",
            "/release?id=RR-{year}-0013",
            "/release?id=RR-{year}-0009",
            "/findings",
            "/findings?id=F-{year}-0001",
        ),
    ),
    (CAROL, ("/", "/impact", "/impact?model=credit-pd")),
    (ERIK, ("/audit", "/audit?record=1")),
    (
        GRACE,
        (
            *("/", "/access", "/access?tab=Grants", "/access?tab=Tokens", "/access?tab=Roles"),
            *("/settings", "/settings?tab=Inventory", "/settings?tab=Naming+rules"),
            *("/use_case", "/policies", "/policies?tab=Write", "/policies?tab=Ask+again"),
            "/policies?tab=History",
        ),
    ),
)


def test_every_screen_is_visited() -> None:
    visited = {re.split(r"[/?]", at)[1] or "home" for _who, places in VISITS for at in places}
    assert visited == {screen.key for screen in PAGES}


@pytest.mark.parametrize(("who", "places"), VISITS, ids=[who.key for who, _places in VISITS])
def test_every_page_fits_and_makes_no_complaint(
    demo: Demo, explained: ExplainResult, visit: Visit, who: Person, places: tuple[str, ...]
) -> None:
    year = demo.stack.portal.clock.now().year
    # Opened on a phone, which is where it is tight, and then drawn out to a desk.
    here = visit(who, places[0], width=PHONE)
    wrong: list[str] = []
    for number, at in enumerate(places):
        if number:
            here.page.set_viewport_size({"width": PHONE, "height": 900})
            here.open(at.format(year=year))
        wrong += _read(here, at) + _looked_at(here, at)
    assert wrong == []


def _looked_at(here: Visitor, at: str) -> list[str]:
    wrong = []
    by_day = here.page.evaluate(_BACKGROUND)
    for width, scheme in LOOKS:
        here.page.set_viewport_size({"width": width, "height": 900})
        here.page.emulate_media(color_scheme=scheme)
        changed = "===" if scheme == "light" else "!=="
        here.page.wait_for_function(f"day => ({_BACKGROUND})() {changed} day", arg=by_day)
        with suppress(TooSlow):
            here.page.wait_for_function(f"() => ({TOO_WIDE})() <= 0", timeout=_SETTLE_MS)
        if (too_wide := here.page.evaluate(TOO_WIDE)) > 0:
            wrong.append(f"{at} at {width} px, {scheme}: {too_wide} px too wide")
        here.shot(f"{width}-{scheme}-{re.sub(r'[^A-Za-z0-9-]+', '_', at.strip('/') or 'home')}")
    return wrong


def _read(here: Visitor, at: str) -> list[str]:
    wrong = []
    words = here.main.inner_text()
    if found := _TRACEBACK.search(words):
        wrong.append(f"{at}: {words[max(0, found.start() - 80) : found.end() + 200]}")
    if here.page.get_by_test_id("stException").count():
        wrong.append(f"{at}: an exception is shown")
    if here.page.locator("h1").count() != 1:
        wrong.append(f"{at}: {here.page.locator('h1').count()} titles")
    return wrong
