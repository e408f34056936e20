"""The door as people meet it: the whole portal in a process of its own, and a real browser."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect, sync_playwright
from sqlmodel import col, select

from app import migrate, settings
from app.portal import Portal, build
from auth.actors import EVERYTHING, Actor
from auth.people import Person
from auth.permissions import Role
from ledger.tables import AuditRecordRow
from tests import prepare

PASSWORD = "correct horse battery"
SYSTEM = Actor.system("demo")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """The desks of a portal that runs in another process, over the same data folder."""
    folder = tmp_path_factory.mktemp("door")
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    environment = {
        "DATA_DIR": str(folder / "data"),
        "PORT": str(port),
        "DEMO": "0",
        # Nothing listens there: people come in all the same.
        "MLFLOW_TRACKING_URI": "http://127.0.0.1:9",
    }
    ours = settings.from_environment(environment)
    settings.prepare_data_dir(ours)
    opened = build(ours)
    migrate.to_head(opened.store)
    with (folder / "portal.log").open("wb") as log:
        program = subprocess.Popen(
            [sys.executable, "-m", "countersign", "portal"],
            cwd=settings.ROOT,
            env={"PATH": os.environ["PATH"], "HOME": str(folder)} | environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            _wait_for(ours.public_url, folder / "portal.log")
            yield opened
        finally:
            program.terminate()
            program.wait(30)
            opened.store.close()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=prepare.browser(), args=[*FLAGS])
        yield browser
        browser.close()


@pytest.fixture
def context(chromium: Browser, portal: Portal) -> Iterator[BrowserContext]:
    opened = chromium.new_context(base_url=portal.settings.public_url)
    yield opened
    opened.close()


def test_the_screen_that_was_asked_for_comes_after_signing_in(
    portal: Portal, context: BrowserContext
) -> None:
    alice = somebody(portal, "Alice Moreau", "alice@norrland.example", Role.MODEL_DEVELOPER)
    page = context.new_page()
    foreign: list[str] = []
    broken: list[str] = []
    ours = (portal.settings.public_url, "data:", "blob:")
    page.on(
        "request", lambda asked: None if asked.url.startswith(ours) else foreign.append(asked.url)
    )
    page.on("console", lambda said: broken.append(said.text) if "Policy" in said.text else None)

    page.goto("/model?name=credit-pd&v=8")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Nothing ships on")
    page.get_by_role("button", name="Sign in").click()
    sign_in(page, alice, "not the password")
    expect(page.get_by_role("alert")).to_contain_text("or the password is not right")
    expect(page.get_by_label("E-mail address")).to_have_value(alice.email)
    sign_in(page, alice, PASSWORD)

    expect(sidebar(page)).to_contain_text("Alice Moreau")
    assert page.url == f"{portal.settings.public_url}/model?name=credit-pd&v=8"
    assert (foreign, broken) == ([], [])


def test_a_screen_that_may_not_be_opened_is_neither_shown_nor_opened_by_its_address(
    portal: Portal, context: BrowserContext
) -> None:
    bob = somebody(portal, "Bob Okafor", "bob@norrland.example", Role.APPROVER)
    page = come_in(context, bob, "/audit")

    refusal = page.get_by_role("alert")
    expect(refusal).to_contain_text("Bob Okafor does not hold a role that opens this page.")
    expect(refusal).to_contain_text("governance admin, auditor")
    expect(sidebar(page).get_by_role("link", name="Inbox")).to_be_visible()
    expect(sidebar(page).get_by_role("link", name="Audit")).to_have_count(0)
    with portal.store.read() as session:
        row = session.exec(
            select(AuditRecordRow).where(
                AuditRecordRow.act == "page:open", col(AuditRecordRow.actor) == bob.id
            )
        ).one()
    assert (row.resource, row.outcome, row.reason) == ("page:audit", "refused", "no-role")


def test_a_person_who_was_disabled_is_refused_on_the_next_click_in_an_open_tab(
    portal: Portal, context: BrowserContext
) -> None:
    dave = somebody(portal, "Dave Stranger", "dave@norrland.example", Role.VIEWER)
    grace = somebody(portal, "Grace Nair", "grace@norrland.example", Role.GOVERNANCE_ADMIN)
    page = come_in(context, dave, "/")

    portal.people.disable(dave.id, by=portal.people.actor(grace.id))
    sidebar(page).get_by_role("link", name="Discover").click()

    expect(page.get_by_role("alert")).to_contain_text("This account is disabled.")
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    expect(page.get_by_role("link", name="Discover")).to_have_count(0)


def test_signing_out_in_one_tab_ends_the_other_at_its_next_click(
    portal: Portal, context: BrowserContext
) -> None:
    carol = somebody(portal, "Carol Lind", "carol@norrland.example", Role.BUSINESS_OWNER)
    page = come_in(context, carol, "/")
    other = context.new_page()
    other.goto("/impact")
    expect(sidebar(other)).to_contain_text("Carol Lind")

    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    sidebar(other).get_by_role("link", name="Discover").click()

    expect(other.get_by_role("alert")).to_contain_text("You were signed out.")
    assert "_streamlit_user" not in {cookie["name"] for cookie in context.cookies()}


def test_an_altered_cookie_is_nobodys(portal: Portal, context: BrowserContext) -> None:
    erik = somebody(portal, "Erik Sund", "erik@norrland.example", Role.AUDITOR)
    page = come_in(context, erik, "/")
    for cookie in context.cookies():
        if cookie["name"].startswith("_streamlit_user"):
            value = cookie["value"]
            flipped = value[:40] + ("A" if value[40] != "A" else "B") + value[41:]
            context.clear_cookies(name=cookie["name"])
            context.add_cookies(
                [{"name": cookie["name"], "value": flipped, "url": portal.settings.public_url}]
            )

    page.reload()

    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    expect(page.get_by_text("Erik Sund")).to_have_count(0)


def test_a_portal_without_people_is_ready_and_says_how_mlflow_is(portal: Portal) -> None:
    url = portal.settings.public_url

    assert httpx.get(f"{url}/healthz", trust_env=False).json() == {"status": "alive"}
    assert httpx.get(f"{url}/readyz", trust_env=False).json() == {"status": "ready", "mlflow": []}
    assert httpx.get(f"{url}/_stcore/metrics", trust_env=False).status_code == 404
    unknown = httpx.get(f"{url}/api/v1/models", trust_env=False)
    assert unknown.status_code == 401
    assert unknown.headers["x-content-type-options"] == "nosniff"


def somebody(portal: Portal, name: str, email: str, role: Role) -> Person:
    person, code = portal.people.add(name, email, by=SYSTEM)
    portal.people.accept_invitation(code, PASSWORD)
    portal.grants.give(person.id, role, EVERYTHING, by=SYSTEM)
    return person


def come_in(context: BrowserContext, person: Person, screen: str) -> Page:
    page = context.new_page()
    page.goto(screen)
    page.get_by_role("button", name="Sign in").click()
    sign_in(page, person, PASSWORD)
    expect(sidebar(page)).to_contain_text(person.name)
    return page


def sign_in(page: Page, person: Person, password: str) -> None:
    page.get_by_label("E-mail address").fill(person.email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def sidebar(page: Page) -> Locator:
    return page.get_by_test_id("stSidebar")


def _wait_for(url: str, log: Path) -> None:
    # Connecting is tried again after 0, 0.5, 1, 2, 4, 8 and 16 seconds.
    with httpx.Client(transport=httpx.HTTPTransport(retries=7)) as client:
        try:
            client.get(f"{url}/healthz").raise_for_status()
        except httpx.HTTPError as error:
            pytest.fail(f"the portal did not start: {error}\n{log.read_text()}")
