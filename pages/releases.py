"""Releases: every request one may see, where it stands, and what became of it."""

from __future__ import annotations

from app.panels import docket, release_drafts
from app.session import actor
from app.ui import page

page.head("Decide", "Releases", "Who asked for what to go live, and who decided it.")
here = actor()
release_drafts.newest(by=here)
docket.releases(by=here)
