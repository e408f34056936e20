"""Compare: what makes one version different from another, of this model or of a second one."""

from __future__ import annotations

from app.panels import comparison
from app.panels.chosen import asked_model
from app.session import require

who = require("model:read")
asked = asked_model("compare", "Compare two versions of which model?", by=who)
if asked is not None:
    pair = comparison.choose(asked, by=who)
    if pair is not None:
        comparison.panel(pair, by=who)
