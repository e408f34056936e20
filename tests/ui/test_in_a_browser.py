"""The kit in a real browser: on a phone, in both themes, by keyboard and by a click."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Literal

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.prepare import browser as chromium
from tests.stack import until

ROOT = Path(__file__).parents[2]
PAGES = (
    "",
    "discover",
    "model",
    "lineage",
    "explain",
    "release",
    "impact",
    "pieces",
    "cover",
)
QUIET = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
PATIENCE_SECONDS = 60.0


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path_factory.mktemp("gallery") / "log"
    command = [sys.executable, "-m", "streamlit", "run", "tests/ui/gallery.py"]
    options = ["--server.port", str(port), "--server.address", "127.0.0.1"]
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    with log.open("w") as out:
        server = subprocess.Popen(
            command + options,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    try:
        _until_it_answers(f"http://127.0.0.1:{port}/_stcore/health", server, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(timeout=20)


def _until_it_answers(health: str, server: subprocess.Popen[bytes], log: Path) -> None:
    def answers() -> bool:
        if server.poll() is not None:
            pytest.fail(f"The gallery did not start:\n{log.read_text()}")
        with suppress(httpx.HTTPError):
            return httpx.get(health, timeout=1).is_success
        return False

    until(answers, "the gallery answers", within=PATIENCE_SECONDS)


@pytest.fixture(scope="module")
def chrome() -> Iterator[Browser]:
    found = chromium()
    assert found is not None, "No browser: run `python -m tests.prepare`."
    with sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=str(found), args=QUIET)
        yield opened
        opened.close()


def visit(page: Page, address: str) -> None:
    page.goto(address)
    expect(page.locator("h1.cs-title")).to_be_visible(timeout=30_000)
    expect(page.locator('[data-testid="stApp"]')).to_have_attribute(
        "data-test-script-state", "notRunning", timeout=30_000
    )


@pytest.mark.parametrize(("width", "scheme"), [(420, "light"), (1440, "dark")])
def test_every_piece_fits_its_screen_and_makes_no_complaint(
    address: str, chrome: Browser, width: int, scheme: Literal["light", "dark"]
) -> None:
    context = chrome.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    for name in PAGES:
        visit(page, f"{address}/{name}")
        scroll, seen = page.evaluate(
            "(() => { const m = document.querySelector('[data-testid=stMain]');"
            " return [m.scrollWidth, m.clientWidth] })()"
        )
        if scroll > seen:
            complaints.append(f"{name} is {scroll} px wide on {seen} px")
        if page.locator('[data-testid="stException"]').count():
            complaints.append(f"{name} shows an exception")
        if page.locator("h1").count() != 1:
            complaints.append(f"{name} has not one title")
    assert complaints == []
    context.close()


def test_a_click_on_the_picture_chooses_a_node_and_the_list_follows(
    address: str, chrome: Browser
) -> None:
    page = chrome.new_page(viewport={"width": 1440, "height": 900})
    visit(page, f"{address}/lineage")
    picture = page.locator(".cs-lineage")
    expect(picture.locator("canvas").first).to_be_visible(timeout=30_000)
    picture.get_by_role("button", name="Zoom out").click()
    # The four columns are spread evenly: v6 stands in the third, a little above the middle.
    box = picture.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] * 0.62, box["y"] + box["height"] * 0.4)
    expect(page.get_by_text("Chosen: v6")).to_be_visible(timeout=15_000)
    expect(page.get_by_role("radio", name="Version v6")).to_be_checked()
    page.close()


def test_the_list_under_the_picture_chooses_by_keyboard(address: str, chrome: Browser) -> None:
    page = chrome.new_page(viewport={"width": 1440, "height": 900})
    visit(page, f"{address}/lineage")
    page.get_by_role("radio", name="Run train-8").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Chosen: r8")).to_be_visible(timeout=15_000)
    page.close()


def test_a_facet_is_kept_in_the_address_without_its_count(address: str, chrome: Browser) -> None:
    page = chrome.new_page(viewport={"width": 1440, "height": 900})
    visit(page, f"{address}/discover")
    page.locator(".st-key-facets").get_by_text("champion").click()
    page.wait_for_url("**/discover?alias=champion")
    page.close()


def test_a_whole_result_card_is_a_link(address: str, chrome: Browser) -> None:
    page = chrome.new_page(viewport={"width": 1440, "height": 900})
    visit(page, f"{address}/discover")
    card = page.locator(".st-key-result-sample-loan")
    # The browser fetches what draws links after what draws text.
    expect(card.get_by_role("link")).to_be_visible(timeout=15_000)
    card.click(position={"x": 500, "y": 60})
    page.wait_for_url("**/model?name=sample-loan")
    page.close()


def test_a_phone_can_open_the_navigation(address: str, chrome: Browser) -> None:
    page = chrome.new_page(viewport={"width": 420, "height": 900})
    visit(page, f"{address}/impact")
    page.get_by_role("button", name="Expand sidebar").click()
    expect(page.get_by_role("link", name="Discover")).to_be_visible()
    page.close()


def test_text_in_a_dialog_is_readable_in_the_dark_theme(address: str, chrome: Browser) -> None:
    context = chrome.new_context(viewport={"width": 1440, "height": 900}, color_scheme="dark")
    page = context.new_page()
    visit(page, f"{address}/release")
    page.get_by_role("button", name="Approve with conditions").click()
    said = page.get_by_role("dialog").locator(".cs-text")
    expect(said).to_be_visible(timeout=15_000)
    expect(said).to_have_css("color", "rgb(231, 232, 235)")
    context.close()
