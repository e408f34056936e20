"""Out of service on the screens: asked on the Model page, decided, and told what came of it."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

from catalog.applications.consumers import Relies
from catalog.registry.deprecations import Farewell
from catalog.releases.states import Verb
from tests.cast import WHY, House
from tests.catalog.releases.test_reconciliation import NAME, live
from tests.screens import Screens, said

WAY = "roll-back"


def in_dialog(page: AppTest) -> str:
    """All that the open dialog says."""
    return "\n".join(str(one.proto) for one in page._tree[2])


def test_the_owner_asks_and_everybody_reads_what_became_of_it(on_screen: House) -> None:
    house = on_screen
    live(house)
    house.portal.consumers.register(
        house.model().id,
        Relies("champion", "Scores loans.", "loans@norrland.example"),
        application_id=house.robot.id,
        by=house.alice,
    )
    alice = Screens(house, house.alice)
    page = alice.open("model", name=NAME)
    page.button("retire").click().run()
    assert "relies on it" in in_dialog(page)
    farewell = Farewell(house.clock.now().date(), "It is over.")
    request = house.portal.retirements.retire(
        house.version(2).id, "champion", WHY, farewell=farewell, by=house.alice
    )
    house.work()
    bob = Screens(house, house.bob)
    told = bob.reads("release", id=request.number)
    for words in (
        f"Take @champion away from {NAME} v2?",
        "is no longer",
        "Relied on by",
        "Must not be used from",
    ):
        assert words in told
    assert "The way back" not in told
    house.portal.decisions.decide(request.id, Verb.APPROVE, WHY, by=house.bob)
    house.deliver()
    told = alice.reads("release", id=request.number)
    assert "It was approved that v2 is no longer champion." in told
    assert "@champion away from v2 taken in MLflow" in told
    assert f"{NAME} v2 no longer @champion" in bob.reads("releases").replace("\\\\", "")
    assert f"{NAME} v2 is no longer @champion" in alice.reads("home").replace("\\\\", "")


def test_the_way_back_stands_where_nothing_is_live_any_more(on_screen: House) -> None:
    house = on_screen
    live(house)
    made = house.portal.retirements.retire(house.version(2).id, "champion", WHY, by=house.alice)
    house.work()
    house.portal.decisions.decide(made.id, Verb.APPROVE, WHY, by=house.bob)
    house.deliver()
    page = Screens(house, house.alice).open("model", name=NAME)
    told = said(page)
    assert "Nothing is live." in told
    assert "Retired" in told
    page.button(WAY).click().run()
    assert "is nowhere and comes to v2" in in_dialog(page)


def test_who_may_not_ask_finds_no_button(on_screen: House) -> None:
    live(on_screen)
    page = Screens(on_screen, on_screen.bob).open("model", name=NAME)
    assert "retire" not in {one.key for one in page.button}
