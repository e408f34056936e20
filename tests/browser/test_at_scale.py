"""The portal with the demo's people and records among 100,000 models: it answers as it did.

`COUNTERSIGN_CROWD=100000` fills it with that many; the suite makes do with fewer, made in seconds.
"""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import pytest
from playwright.sync_api import Browser, expect
from sqlmodel import col, select

from app.demo.organisation import ALICE, PEOPLE, Person
from app.portal import build
from app.settings import from_environment
from auth.actors import Actor
from benchmarks import large, population
from catalog.registry.search.questions import Order, Question
from catalog.registry.tables import ChangeRow, ModelRow
from ledger.jobs import NoJobs
from tests.browser.conftest import Demo, Visit, visits
from tests.browser.questions import (
    MIRRORED,
    MODEL,
    MOMENT,
    MOST_CLICKS,
    QUESTIONS,
    clicks,
    count_from_here,
    open_model,
    results,
    says,
    search_best,
    stay,
)
from tests.browser.test_addresses import is_at
from tests.browser.test_every_page import DESK, PHONE, TOO_WIDE
from tests.browser.visits import Visitor
from tests.stack import free_ports

CROWD: Final = int(os.environ.get("COUNTERSIGN_CROWD", "1000"))
_INDEXER: Final = Actor.system("mirror")
# Nobody mirrors here: however long this takes, the page says how old it is.
_READ: Final = rf"{MIRRORED}|Nobody has looked at MLflow since {MOMENT}"
# Everybody among very many; in the suite those who search for their work.
_SEARCHERS: Final = PEOPLE if CROWD >= 100_000 else PEOPLE[:2]
_WORDS: Final = ("maintenance", "fraud", "churn", "demand", "pricing", "loan default")


@dataclass(frozen=True)
class Crowd:
    """A portal over the demo's own database with many more models in it."""

    portal: large.Large
    passwords: dict[str, str]


@pytest.fixture(scope="module")
def crowd(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crowd]:
    """All that the demo has done and decided, a month older, among the models of a large house."""
    folder = tmp_path_factory.mktemp("crowd")
    own = demo.stack.folder
    shutil.copytree(own / "keys", folder / "keys")
    with (
        closing(sqlite3.connect(own / "countersign.db")) as here,
        closing(sqlite3.connect(folder / "countersign.db")) as there,
    ):
        here.backup(there)
    (port,) = free_ports(1)
    environment = {"DATA_DIR": str(folder), "PORT": str(port), "DEMO": "0"}
    desks = build(from_environment(environment), jobs=NoJobs())
    with desks.store.write() as session:
        model = session.exec(select(ModelRow).where(ModelRow.name == MODEL)).one()
        model.created_at -= timedelta(days=90)
        session.add(model)
        changes = session.exec(
            select(ChangeRow)
            .where(ChangeRow.model_id == model.id)
            .order_by(col(ChangeRow.sequence).desc())
        ).all()
        newest = next(one for one in changes if (one.kind, one.name) == ("alias", "champion"))
        for one in changes:
            older = timedelta(days=10 if one is newest else 60)
            one.since = one.since and one.since - older
            one.until -= older
            session.add(one)
    population.populate(desks.store, CROWD)
    desks.indexer.run(by=_INDEXER)
    with large.served(folder, environment, desks) as portal:
        yield Crowd(portal, demo.stack.passwords)


@pytest.fixture(scope="module")
def _signed_in_there() -> dict[str, Visitor]:
    return {}


@pytest.fixture
def visit_crowd(
    crowd: Crowd, chromium: Browser, _signed_in_there: dict[str, Visitor]
) -> Iterator[Visit]:
    """Lets somebody in where there are many models."""
    with visits(chromium, crowd.portal.url, crowd.passwords, _signed_in_there) as come:
        yield come


def test_which_model_predicts_best_is_answered_in_two_clicks_among_very_many(
    crowd: Crowd, visit_crowd: Visit
) -> None:
    alice = visit_crowd(ALICE)
    count_from_here(alice.page)
    search_best(alice)
    desks = crowd.portal.desks
    measures = desks.policies.measures()
    found = desks.finder.find(
        Question("loan default"),
        by=desks.people.actor(_id(crowd, ALICE)),
        limit=CROWD,
        order=Order.BEST_METRIC,
        measures=measures,
        facets=False,
        snippets=False,
    )
    task = found.hits[0].model.task
    best = max(
        hit.key.value for hit in found.hits if hit.key is not None and hit.model.task == task
    )
    assert task == "binary classification"
    expect(results(alice).first).to_contain_text(f"AUC {best:.3f}")
    says(alice, "Binary classification, highest AUC first")
    says(alice, "Numbers of different tasks cannot be compared")
    assert clicks(alice.page) <= MOST_CLICKS
    alice.shot("crowd-best-measured")


def test_the_questions_about_a_model_are_answered_in_two_clicks_among_very_many(
    visit_crowd: Visit,
) -> None:
    alice = visit_crowd(ALICE)
    for way in (stay, open_model):
        alice.open("/")
        count_from_here(alice.page)
        way(alice)
        for question in QUESTIONS:
            if question.go is way:
                for answer in question.answers:
                    says(alice, answer)
                says(alice, question.source if question.source is not MIRRORED else _READ)
        assert clicks(alice.page) <= MOST_CLICKS
    says(alice, rf"@champion on {MOMENT}: v3, since {MOMENT}, until {MOMENT}")
    says(alice, _READ)


def test_everybody_searches_narrows_shares_and_goes_back_among_very_many(
    crowd: Crowd, visit_crowd: Visit
) -> None:
    shared: tuple[str, _Answer] | None = None
    for who, word in zip(_SEARCHERS, _WORDS, strict=False):
        here = visit_crowd(who, shared[0] if shared else "/discover", width=PHONE)
        if shared:  # what the one before them has found
            _reads(here, shared[1])
            here.open("/discover")
        here.page.get_by_role("searchbox", name="Search models").press_sequentially(word)
        _reads(here, _answer(crowd, who, Question(word)))
        assert here.page.evaluate(TOO_WIDE) <= 0
        here.shot(f"crowd-{who.key}-phone")

        here.page.set_viewport_size({"width": DESK, "height": 900})
        pill = here.page.locator(".st-key-facet-domain").get_by_role("button").first
        domain = pill.inner_text()
        pill.click()
        narrowed = _answer(crowd, who, Question(word, {"domain": frozenset({domain})}))
        _reads(here, narrowed)
        expect(here.page.get_by_role("button", name=f"Watch {domain}")).to_be_visible()
        here.page.wait_for_url("**domain=*")
        address = here.page.url
        here.shot(f"crowd-{who.key}-narrowed")

        results(here).first.get_by_role("link").click()
        here.page.wait_for_url("**/model?name=*")
        here.settle()
        expect(here.main.locator("h1")).to_contain_text(narrowed.first)
        here.shot(f"crowd-{who.key}-model")
        here.page.go_back()
        here.page.wait_for_url(address)
        _reads(here, narrowed)
        shared = address.removeprefix(here.url), narrowed


def test_another_choice_begins_on_its_first_page_and_the_way_back_leads_to_the_page_before(
    visit_crowd: Visit,
) -> None:
    alice = visit_crowd(ALICE, "/discover")
    alice.page.get_by_role("button", name="Next page").click()
    alice.page.wait_for_url("**/discover?page=2")
    alice.reads(re.compile(r"11 to 20 of"))

    alice.page.get_by_role("radio", name="Name").click()
    is_at(alice, "/discover?sort=Name")
    alice.reads(re.compile(r"1 to 10 of"))
    alice.page.go_back()

    is_at(alice, "/discover?page=2")
    alice.reads(re.compile(r"11 to 20 of"))
    alice.page.go_back()
    is_at(alice, "/discover")
    alice.reads(re.compile(r"1 to 10 of"))


@dataclass(frozen=True)
class _Answer:
    """What Discover must say: how many models there are, and which is the first."""

    words: re.Pattern[str]
    first: str


def _answer(crowd: Crowd, who: Person, question: Question) -> _Answer:
    """As the index of the same database answers it."""
    by = crowd.portal.desks.people.actor(_id(crowd, who))
    found = crowd.portal.desks.finder.find(question, by=by, limit=1)
    said = re.compile(rf"{found.total:,} models?\s*for “{question.text}”")
    return _Answer(said, found.hits[0].model.name)


def _reads(here: Visitor, answer: _Answer) -> None:
    here.reads(answer.words)
    expect(results(here).first).to_contain_text(answer.first)
    here.settle()


def _id(crowd: Crowd, who: Person) -> str:
    person = crowd.portal.desks.people.by_email(who.email)
    assert person
    return person.id
