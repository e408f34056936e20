"""Nothing obsolete is used unknowingly: every screen that shows a deprecated version says so."""

from __future__ import annotations

from datetime import date

import pytest

from tests.cast import House
from tests.screens import Screens, said

SAID = "v1 is deprecated: it must not be used from 1 Dec 2026 on. Use v3 instead."
MESSAGE = "It was trained on rows that were withdrawn."


@pytest.fixture
def going(on_screen: House) -> House:
    """v1 of three is deprecated, and v3 follows it; v2 is live."""
    on_screen.credit(aucs=(0.80, 0.82, 0.83), champion=2)
    on_screen.portal.deprecations.deprecate(
        on_screen.version(1).id,
        by=on_screen.alice,
        ends_on=date(2026, 12, 1),
        message=MESSAGE,
        successor_id=on_screen.version(3).id,
    )
    return on_screen


@pytest.mark.parametrize(
    ("screen", "about"),
    [
        ("model", {"tab": "Load"}),
        ("model", {"tab": "Versions"}),
        ("model", {"tab": "Data and parameters"}),
        ("explain", {}),
        ("lineage", {"node": "version:1"}),
    ],
)
def test_each_screen_that_shows_a_deprecated_version_says_so_and_leads_to_its_successor(
    going: House, screen: str, about: dict[str, str]
) -> None:
    here = Screens(going, going.carol)
    told = here.reads(screen, name="credit-pd", version="1", **about)
    for words in (SAID, MESSAGE, "Alice Norrland", "Open its successor, v3", "version=3"):
        assert words in told.replace("\\\\", ""), words
    other = {**about, "version": "2"} | ({"node": "version:2"} if "node" in about else {})
    assert "is deprecated" not in here.reads(screen, name="credit-pd", **other)


def test_the_timeline_and_every_list_of_versions_mark_a_deprecated_one(going: House) -> None:
    here = Screens(going, going.carol)
    assert "Deprecated from 1 Dec 2026, use v3" in here.reads("model", name="credit-pd")
    assert "v1, deprecated" in here.reads("model", name="credit-pd", tab="Load")


def test_choosing_a_deprecated_version_says_so_at_once_and_keeps_it_in_the_address(
    going: House,
) -> None:
    screen = Screens(going, going.carol).open("model", name="credit-pd", tab="Load")
    assert "is deprecated" not in said(screen)
    screen.selectbox(key="load-version").set_value(1).run()
    assert SAID in said(screen).replace("\\", "")
    assert screen.query_params["version"] == "1"


def test_a_deprecated_champion_is_told_of_once_on_every_tab(going: House) -> None:
    going.mlflow.point("credit-pd", "champion", 1)
    going.mirror()
    here = Screens(going, going.carol)
    for tab in ("Overview", "Load", "Versions"):
        told = here.reads("model", name="credit-pd", tab=tab)
        assert told.replace("\\\\", "").count(SAID) == 1
