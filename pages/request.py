"""Request release: choose version and alias, see what stands in the way, ask."""

from __future__ import annotations

from app.panels import chosen, release_form
from app.session import actor

here = actor()
model = chosen.asked_model("request", "Ask for a release", by=here)
if model is not None:
    release_form.head(model)
    asking = release_form.choose(model)
    if asking is not None:
        release_form.preview(asking, by=here)
