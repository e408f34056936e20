"""By when a request is to be decided, as its page and the inbox of its reviewers say."""

from __future__ import annotations

from datetime import timedelta

from tests.cast import House
from tests.catalog.releases.test_time_limits import asked
from tests.screens import Screens


def test_the_request_and_the_inbox_say_by_when_it_is_decided_and_that_it_is_overdue(
    on_screen: House,
) -> None:
    request = asked(on_screen, "{decide_within_days: 10}")
    bob = Screens(on_screen, on_screen.bob)
    assert "to be decided by 30 Nov 2026" in bob.reads("release", id=request)
    on_screen.clock.advance(timedelta(days=12))
    bob = Screens(on_screen, on_screen.bob)
    told = bob.reads("release", id=request)
    assert "Overdue 2 days" in told
    assert "it was to be decided by 30 Nov 2026" in told
    for screen in ("inbox", "home"):
        assert "Overdue 2 days" in bob.reads(screen)
