"""Audit: who did what, when, with what outcome, and the record that proves it."""

from __future__ import annotations

from app.panels import trail
from app.session import actor
from app.ui import page

here = actor()
page.head("Prove", "Audit", "Every act, refusals included, in the order it happened.")
wanted, record = trail.asked(by=here)
if record is not None:
    trail.detail(record, by=here)
trail.listing(wanted, by=here)
