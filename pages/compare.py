"""Compare: what makes one version of a model different from another, differences first."""

from __future__ import annotations

from app.panels import comparison, shown
from app.panels.chosen import asked_model
from app.session import require

who = require("model:read")
asked = asked_model("compare", "Compare two versions of which model?", by=who)
if asked is not None:
    model = shown.look(asked, by=who)
    pair = comparison.choose(model)
    if pair is not None:
        comparison.panel(model, *pair)
