"""The list of releases is taken away as a table: what is shown, by whoever is signed in."""

from __future__ import annotations

import csv
from pathlib import Path

from app.demo.organisation import ERIK
from auth.actors import Actor
from catalog.releases.requests.request import ALL, Which
from catalog.releases.states import State
from tests.browser.conftest import Demo, Visit
from tests.browser.visits import Visitor

SYSTEM = Actor.system("demo")


def exported(here: Visitor) -> list[dict[str, str]]:
    with here.page.expect_download() as taken:
        here.page.get_by_role("button", name="Export as CSV").click()
    assert taken.value.suggested_filename == "releases.csv"
    with Path(taken.value.path()).open(encoding="utf-8", newline="") as written:
        return list(csv.DictReader(written))


def test_an_auditor_takes_the_requests_that_are_shown_away_as_a_table(
    demo: Demo, visit: Visit
) -> None:
    def kept(which: Which) -> list[str]:
        return [one.number for one in demo.stack.portal.requests.listing(which, by=SYSTEM)]

    erik = visit(ERIK, "/releases")
    everything = exported(erik)
    assert [row["number"] for row in everything] == kept(ALL) != []
    erik.open("/releases?state=Rejected")
    rejected = exported(erik)
    assert rejected == [row for row in everything if row["state"] == "Rejected"]
    assert [row["number"] for row in rejected] == kept(Which(frozenset({State.REJECTED}))) != []
