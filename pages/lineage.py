"""Lineage: on what data and runs the versions of a model rest, and what is live of it."""

from __future__ import annotations

from app.panels import lineage, shown
from app.panels.chosen import asked_model
from app.session import require

who = require("model:read")
asked = asked_model("lineage", "The lineage of which model?", by=who)
if asked is not None:
    lineage.panel(shown.look(asked, by=who))
