"""Inbox: what waits for this person, what they follow, and what is done."""

from __future__ import annotations

from app.panels import access_requests, docket
from app.session import actor, portal

here = actor()
now = portal().clock.now()
waiting = portal().docket.waits_for(by=here)
asked = access_requests.waiting(by=here)
docket.inbox_head(waiting, now, others=[one.asked_at for one in asked])
shown = docket.choose_shown()
docket.absence(by=here)
if shown == docket.SHOWN[0]:
    access_requests.answers(asked, by=here)
else:
    access_requests.mine(by=here, is_open=shown == docket.SHOWN[1])
docket.inbox(shown, waiting, by=here, now=now)
