"""Inbox: what waits for this person, what they follow, what is done, and their drafts."""

from __future__ import annotations

import streamlit as st

from app.panels import access_requests, findings, inbox, release_drafts
from app.session import actor, portal

here = actor()
now = portal().clock.now()
waiting = portal().docket.waits_for(by=here)
asked = access_requests.waiting(by=here)
found = portal().findings.waiting(by=here)
times = [*(one.asked_at for one in asked), *(one.waits_since for one in found.findings)]
inbox.head(waiting, now, others=times, has_more=found.has_more)
with st.container(horizontal=True, vertical_alignment="center"):
    shown = inbox.choose_shown()
    inbox.absence(by=here)
if shown == release_drafts.TITLE:
    release_drafts.every(by=here)
else:
    if shown == inbox.SHOWN[0]:
        findings.waiting(found)
        access_requests.answers(asked, by=here)
    else:
        access_requests.mine(by=here, is_open=shown == inbox.SHOWN[1])
    inbox.inbox(shown, waiting, by=here, now=now)
