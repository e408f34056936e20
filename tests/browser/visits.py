"""People in front of a real browser: who they are, where they are, what the page did to them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect, sync_playwright

from tests.prepare import browser as chromium

SHOTS: Final = "COUNTERSIGN_SHOTS"
_KEEPS_ADDRESS: Final = (
    "() => !document.querySelector('.st-key-history') || window[Symbol.for('countersign.history')]"
)
SECONDS: Final = 30_000
_FLAGS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
# Streamlit's own page asks below the page it is on first, and then at the right place.
_HARMLESS: Final = re.compile(r"/_stcore/(health|host-config)")
Scheme = Literal["light", "dark"]


@contextmanager
def a_browser() -> Iterator[Browser]:
    """Chromium, as `tests.prepare` finds it."""
    found = chromium()
    assert found is not None, "No browser: run `python -m tests.prepare`."
    with sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=str(found), args=[*_FLAGS])
        yield opened
        opened.close()


@dataclass
class Visitor:
    """One person with one browser of their own, and every complaint it made."""

    name: str
    url: str
    context: BrowserContext
    page: Page
    complaints: list[str] = field(default_factory=list)

    def sits_down(self, width: int, scheme: Scheme) -> None:
        """Begin anew, at a screen of this width, by day or by night."""
        self.complaints.clear()
        self.page.set_viewport_size({"width": width, "height": 900})
        self.page.emulate_media(color_scheme=scheme)

    def gets_up(self) -> None:
        """Stay signed in, with nothing on the screen that would go on asking the portal."""
        self.page.goto("about:blank")

    # -- going somewhere --------------------------------------------------------------------------

    def open(self, address: str) -> None:
        """Type an address of the portal, such as `/model?name=credit-pd`."""
        self.page.goto(f"{self.url}{address}")
        self.settle()
        # What keeps the address true is loaded a moment after the page: no person is as quick.
        self.page.wait_for_function(_KEEPS_ADDRESS)

    def menu(self, screen: str) -> None:
        """Choose a screen in the navigation: one click."""
        link = self.sidebar.get_by_role("link", name=screen, exact=True)
        # As long as a finger rests: leaving a field first sends what was typed in it.
        link.click(delay=100)
        # Until then the page before stands there, with nothing to wait for.
        expect(link).to_have_attribute("aria-current", "page", timeout=SECONDS)
        self.settle()

    def settle(self) -> None:
        """Until the page has been drawn and nothing runs any more."""
        expect(self.page.locator("h1").first).to_be_visible(timeout=SECONDS)
        expect(self.page.get_by_test_id("stApp")).to_have_attribute(
            "data-test-script-state", "notRunning", timeout=SECONDS
        )

    # -- looking ----------------------------------------------------------------------------------

    @property
    def sidebar(self) -> Locator:
        """Where the navigation is."""
        return self.page.get_by_test_id("stSidebar")

    @property
    def main(self) -> Locator:
        """The page itself, without navigation."""
        return self.page.get_by_test_id("stMain")

    @property
    def bell(self) -> Locator:
        """The bell that every page shows."""
        return self.page.locator("[class*='st-key-bell']")

    def reads(self, words: str | re.Pattern[str], *, within: int = SECONDS) -> None:
        """Until the page says this."""
        expect(self.main).to_contain_text(words, timeout=within)

    def reads_not(self, words: str | re.Pattern[str]) -> None:
        """Make sure that the page does not say this."""
        expect(self.main).not_to_contain_text(words)

    def shot(self, name: str) -> None:
        """Keep a picture, if somebody asked for pictures."""
        if folder := os.environ.get(SHOTS):
            Path(folder).mkdir(parents=True, exist_ok=True)
            size = self.page.viewport_size
            assert size
            # The page scrolls inside its frame, so the whole of it is seen in a taller window.
            height = int(self.main.evaluate("main => main.scrollHeight"))
            self.page.set_viewport_size({"width": size["width"], "height": height})
            self.page.screenshot(path=Path(folder, f"{name}.png"))
            self.page.set_viewport_size(size)

    def close(self) -> None:
        """Leave."""
        self.context.close()


def stranger(browser: Browser, url: str, *, width: int = 1440, scheme: Scheme = "light") -> Visitor:
    """Somebody who is not signed in."""
    # What slides and fades is drawn sixty times a second, by the processor: as who asks for less.
    context = browser.new_context(reduced_motion="reduce")
    context.set_default_timeout(SECONDS)
    made = in_a_tab(context, url)
    made.sits_down(width, scheme)
    return made


def in_a_tab(context: BrowserContext, url: str) -> Visitor:
    """Whoever's browser it is, in a new tab."""
    page = context.new_page()
    made = Visitor("", url, context, page)
    ours = (url, url.replace("http", "ws", 1), "data:", "blob:")

    def asked(request_url: str) -> None:
        if not request_url.startswith(ours):
            made.complaints.append(f"asked elsewhere: {request_url}")

    def said(kind: str, words: str, place: str) -> None:
        if kind == "error" and not _HARMLESS.search(f"{words} {place}"):
            made.complaints.append(f"console: {words} ({place})")

    page.on("request", lambda request: asked(request.url))
    page.on("console", lambda line: said(line.type, line.text, str(line.location.get("url", ""))))
    page.on("pageerror", lambda error: made.complaints.append(f"script: {error}"))
    return made


def person(
    browser: Browser,
    url: str,
    email: str,
    password: str,
    *,
    at: str = "/",
    width: int = 1440,
    scheme: Scheme = "light",
) -> Visitor:
    """Somebody who came in through the real form, and is where they wanted to go."""
    made = stranger(browser, url, width=width, scheme=scheme)
    made.page.goto(f"{url}{at}")
    made.page.get_by_role("button", name="Sign in").click()
    fill_in(made.page, email, password)
    # On a phone the navigation is folded away; that it is there says that somebody is in.
    made.page.get_by_test_id("stSidebar").wait_for(state="attached")
    made.settle()
    made.name = email
    return made


def fill_in(page: Page, email: str, password: str) -> None:
    """Fill in the form and send it."""
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
