"""Home: what waits for the person, what is live, what changed, and a search box."""

from __future__ import annotations

from app.panels import home
from app.session import require

who = require()
shown = home.read(by=who)
home.head(shown, by=who)
home.search_box()
home.panel(shown, by=who)
