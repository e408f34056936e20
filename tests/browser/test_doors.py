"""Who gets in, where to, and for how long: the law of screens seen from the outside."""

from __future__ import annotations

import re
from typing import Final

import httpx
import pytest
from playwright.sync_api import Browser, expect

from app.demo.organisation import ALICE, CAROL, DAN, ERIK, GRACE, PEOPLE, Person
from app.screens import PAGES
from auth.actors import EVERYTHING, Actor
from auth.permissions import Role
from benchmarks.browserless import tab
from tests.browser.conftest import Demo, Visit
from tests.browser.visits import Visitor, fill_in, person, stranger

REFUSED: Final = "does not hold a role that opens this page."
PASSWORD: Final = "correct horse battery"


def _actor(demo: Demo, who: Person) -> Actor:
    found = demo.stack.portal.people.by_email(who.email)
    assert found
    return demo.stack.portal.people.actor(found.id)


def _in_navigation(here: Visitor) -> set[str]:
    return {
        words.splitlines()[-1].strip()
        for words in here.page.get_by_test_id("stSidebarNavLink").all_inner_texts()
    }


@pytest.mark.parametrize("who", PEOPLE, ids=lambda one: one.key)
def test_a_person_is_shown_and_let_into_exactly_the_screens_of_their_roles(
    demo: Demo, visit: Visit, who: Person
) -> None:
    actor = _actor(demo, who)
    here = visit(who)
    shown = {screen.title for screen in PAGES if screen.may_open(actor) and screen.in_navigation}
    assert _in_navigation(here) == shown
    with tab(demo.stack.url, _as_in(here)) as opened:
        opened.run()
        for screen in PAGES:
            opened.run("" if screen.key == "home" else screen.key)
            if screen.may_open(actor):
                assert (screen.key, opened.problems) == (screen.key, [])
                assert len(opened.said) > 1, screen.key
            else:
                (refusal,) = opened.problems
                assert refusal.startswith(f"**{who.name} {REFUSED[:-1]}"), screen.key
                assert opened.said == [f"{screen.group} {screen.title}"]
    for refused in [screen for screen in PAGES if not screen.may_open(actor)][-1:]:
        here.open(f"/{refused.key}")
        expect(here.page.get_by_role("alert")).to_contain_text(f"{who.name} {REFUSED}")
        expect(here.page.locator("h1")).to_have_text(refused.title)


def _as_in(here: Visitor) -> httpx.Client:
    """Somebody without a browser who has the cookies of one."""
    client = httpx.Client(base_url=here.url, trust_env=False)
    for cookie in here.context.cookies():
        client.cookies.set(str(cookie.get("name")), str(cookie.get("value")))
    return client


def test_the_address_asked_for_comes_after_signing_in(demo: Demo, chromium: Browser) -> None:
    stack = demo.stack
    at = "/compare?name=credit-pd"
    alice = person(chromium, stack.url, ALICE.email, stack.passwords[ALICE.email], at=at)
    alice.page.wait_for_url(f"{stack.url}/compare?name=credit-pd*")
    alice.reads("credit-pd")
    assert alice.complaints == []
    alice.close()


def test_a_wrong_password_is_told_in_a_sentence_that_gives_nothing_away(
    demo: Demo, chromium: Browser
) -> None:
    said = []
    for email in (DAN.email, "nobody.at.all@norrland.example"):
        here = stranger(chromium, demo.stack.url)
        here.page.goto(demo.stack.url)
        here.page.get_by_role("button", name="Sign in").click()
        fill_in(here.page, email, "not the password")
        alert = here.page.get_by_role("alert")
        expect(alert).to_contain_text("or the password is not right")
        expect(here.page.get_by_label("E-mail address")).to_have_value(email)
        said.append(alert.inner_text())
        here.close()
    assert said[0] == said[1]


def test_an_altered_cookie_is_nobodys(demo: Demo, chromium: Browser) -> None:
    stack = demo.stack
    carol = person(chromium, stack.url, CAROL.email, stack.passwords[CAROL.email], at="/impact")
    for cookie in carol.context.cookies():
        name, value = str(cookie.get("name")), str(cookie.get("value"))
        if name.startswith("_streamlit_user"):
            carol.context.clear_cookies(name=name)
            flipped = value[:40] + ("A" if value[40] != "A" else "B") + value[41:]
            carol.context.add_cookies([{"name": name, "value": flipped, "url": stack.url}])
    carol.page.reload()
    expect(carol.page.get_by_role("button", name="Sign in")).to_be_visible()
    expect(carol.page.get_by_text("Carol Lind")).to_have_count(0)
    expect(carol.page.get_by_role("link", name="Impact")).to_have_count(0)
    carol.close()


def test_a_person_disabled_on_the_access_page_is_refused_on_their_next_click(
    demo: Demo, chromium: Browser, visit: Visit
) -> None:
    desks, grace = demo.stack.portal, _actor(demo, GRACE)
    made, code = desks.people.add("Vera Visitor", "vera.visitor@norrland.example", by=grace)
    desks.people.accept_invitation(code, PASSWORD)
    desks.grants.give(made.id, Role.VIEWER, EVERYTHING, by=grace)
    vera = person(chromium, demo.stack.url, made.email, PASSWORD)
    vera.menu("Discover")
    vera.reads("Discover models")

    admin = visit(GRACE, "/access")
    _disable(admin, made.name)

    vera.sidebar.get_by_role("link", name="Home", exact=True).click()
    expect(vera.page.get_by_role("alert")).to_contain_text("This account is disabled.")
    expect(vera.page.get_by_role("button", name="Sign in")).to_be_visible()
    expect(vera.page.get_by_role("link", name="Discover")).to_have_count(0)
    vera.close()

    erik = visit(ERIK, "/audit?act=person:disable")
    erik.reads("Grace Nair")
    erik.reads("Vera Visitor")


def _disable(admin: Visitor, name: str) -> None:
    chooser = admin.page.get_by_role("combobox", name="Person").first
    chooser.click()
    chooser.fill(name)
    admin.page.get_by_role("option", name=re.compile(name)).click()
    admin.page.get_by_role("button", name="Disable", exact=True).click()
    dialog = admin.page.get_by_role("dialog")
    expect(dialog).to_contain_text("is signed out everywhere on their next click")
    dialog.get_by_role("button", name="Disable", exact=True).click()
    expect(dialog).to_have_count(0)
