"""Inbox: what waits for this person, what they follow, and what is done."""

from __future__ import annotations

from app.panels import docket
from app.session import actor, portal

here = actor()
now = portal().clock.now()
waiting = portal().docket.waits_for(by=here)
docket.inbox_head(waiting, now)
docket.inbox(docket.choose_shown(), waiting, by=here, now=now)
