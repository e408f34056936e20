"""Home says of everything that waits, so that it agrees with the inbox it leads to."""

from __future__ import annotations

from auth.permissions import Role
from tests.cast import LENDING, SYSTEM, House
from tests.screens import Screens


def test_an_access_request_is_counted_among_what_waits(on_screen: House) -> None:
    house = on_screen
    model = house.credit()
    house.portal.grants.give(house.dave.id, Role.VIEWER, LENDING, by=SYSTEM)
    house.portal.restrictions.restrict(model.id, "It could be gamed.", by=house.alice)
    house.portal.access_requests.ask(model.id, "To compare mine.", by=house.dave)

    alice = Screens(house, house.alice)
    assert "1 thing waits for you." in alice.reads("home")
    assert "Answer 1 access request" in alice.reads("home")
    assert "1 thing waits for you." in alice.reads("inbox")
    assert "Nothing waits for you." in Screens(house, house.dave).reads("home")
