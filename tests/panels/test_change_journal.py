"""Every change that the mirror saw in MLflow can be read, with its window and what explains it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from auth.actors import Scope
from auth.permissions import Role
from tests.api.test_release_story import client
from tests.cast import House
from tests.screens import Screens, said

ADDRESS = "/models/credit-pd/changes"


@pytest.fixture
def changed(on_screen: House) -> House:
    """A model of which a release, a stranger's move, words, a tag and a version changed."""
    on_screen.credit(aucs=(0.80, 0.82, 0.83))
    on_screen.clock.advance(timedelta(hours=1))
    on_screen.approved(2)
    on_screen.deliver()
    mlflow = on_screen.mlflow
    acts: tuple[Callable[[], object], ...] = (
        lambda: mlflow.point("credit-pd", "champion", 3),
        lambda: mlflow.describe("credit-pd", "Something else."),
        lambda: mlflow.tag_version("credit-pd", 3, risk="high"),
        lambda: mlflow.delete_version("credit-pd", 1),
    )
    for act in acts:
        on_screen.clock.advance(timedelta(hours=1))
        act()
        on_screen.mirror()
    return on_screen


def test_the_versions_tab_tells_each_change_with_its_window_and_what_explains_it(
    changed: House,
) -> None:
    here = Screens(changed, changed.carol)
    told = here.reads("model", name="credit-pd", tab="Versions")
    for words in (
        "RR-2026-0001",
        "approved by Bob Norrland",
        "Outside Countersign",
        "Probability that a loan defaults.",
        "Something else.",
        "Tag of v3",
        "v1 deleted",
        "between 20 Nov 2026, ",
        "There at the first reading",
    ):
        assert words in told, words
    only = here.reads("model", name="credit-pd", tab="Versions", changed="Tags")
    assert "Tag of v3" in only
    assert (
        "Something else." not in only.partition("What changed in MLflow")[2].partition("Metric")[0]
    )


def test_which_version_it_was_is_asked_in_the_address(changed: House) -> None:
    here = Screens(changed, changed.carol)
    changed.mlflow.point("credit-pd", "shadow", 2)
    changed.mirror()
    screen = here.open(
        "model", name="credit-pd", tab="Versions", alias="shadow", at="2026-11-20T10:00"
    )
    assert screen.selectbox(key="alias-asked").value == "shadow"
    screen.selectbox(key="alias-asked").set_value("champion").run()
    assert screen.query_params["alias"] == "champion"
    assert "@champion" in said(screen)


def test_the_journal_is_read_by_the_api_from_those_who_may_see_the_model(changed: House) -> None:
    api = client(changed, changed.carol)
    told = api.get(ADDRESS, params={"kind": "alias"}).json()
    assert [(one["before"], one["after"]) for one in told["changes"][:2]] == [
        ("2", "3"),
        ("1", "2"),
    ]
    assert [one["release_request"] for one in told["changes"][:2]] == [None, "RR-2026-0001"]
    assert told["total"] == len(told["changes"])
    every = api.get(ADDRESS, params={"limit": 1, "offset": 1}).json()
    (tag,) = every["changes"]
    assert (tag["kind"], tag["version"], tag["name"], tag["after"]) == ("tag", 3, "risk", "high")
    assert tag["since"] < tag["until"]
    assert every["total"] > told["total"]
    # Somebody who may read models, but not this one.
    elsewhere = changed.join("nils", Role.MODEL_DEVELOPER, Scope("domain", "Elsewhere"))
    assert client(changed, elsewhere).get(ADDRESS).status_code == 404
    wrong = api.get(ADDRESS, params={"kind": "colour"})
    assert wrong.status_code == 422
