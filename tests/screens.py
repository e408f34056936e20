"""The screens as one of the cast sees them, without a browser."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from streamlit.testing.v1 import AppTest

from app import session
from app.screens import PAGES
from app.settings import ROOT
from auth.actors import Actor
from tests.cast import House


class Screens:
    """The portal as one person sees it, without a browser."""

    def __init__(self, house: House, by: Actor) -> None:
        person = house.portal.people.by_email(by.email)
        assert person is not None
        sid = house.portal.sessions.start(person)
        self._claims = {
            "is_logged_in": True,
            "sid": sid,
            "sub": by.id,
            "exp": (house.clock.now() + timedelta(hours=1)).timestamp(),
        }

    def reads(self, key: str, **query: str) -> str:
        """All that a page says."""
        return said(self.open(key, **query))

    def open(self, key: str, **query: str) -> AppTest:
        """A page with its fields and buttons."""
        screen = AppTest.from_file(str(ROOT / "app" / "main.py"), default_timeout=60)
        screen.user.update(self._claims)
        screen.run()
        for name, value in query.items():
            screen.query_params[name] = value
        screen.switch_page(str(next(one.path for one in PAGES if one.key == key))).run()
        assert not screen.exception, (key, screen.exception)
        return screen


def said(screen: AppTest) -> str:
    """All that a page says at this moment."""
    return "\n".join(str(element.proto) for element in screen.main)


@pytest.fixture
def on_screen(small_house: House) -> Iterator[House]:
    """The house whose portal the screens show."""
    before = session._open.get("here")
    session.use(small_house.portal)
    yield small_house
    session._open.clear()
    if before is not None:
        session.use(before)
