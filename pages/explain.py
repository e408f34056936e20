"""Explain: which features drive a version, how each acts, and why one row was answered so."""

from __future__ import annotations

from app.panels import explanation, shown
from app.panels.chosen import asked_model
from app.session import require

who = require("explanation:read")
asked = asked_model("explain", "Explain which model?", by=who)
if asked is not None:
    model = shown.look(asked, by=who)
    version = explanation.choose(model)
    if version is not None:
        explanation.panel(model, version, by=who)
