"""Request release: choose version and alias, see what stands in the way, ask."""

from __future__ import annotations

from app.panels import chosen, release_drafts, release_form
from app.session import actor

here = actor()
model = chosen.asked_model("request", "Ask for a release", by=here)
if model is not None:
    release_form.head(model)
    draft = release_drafts.asked(model, by=here)
    asking = release_form.choose(model, draft)
    if asking is not None:
        release_form.preview(asking, draft, by=here)
