"""Impact: what the live models do for the business, and one page for each of them."""

from __future__ import annotations

from app.panels import impact, one_pager, portfolio
from app.session import actor, portal
from app.ui.markup import show

here = actor()
model = impact.asked(by=here)
business = impact.gather(portal(), by=here, model_id=model.id if model else "")
if model is None:
    portfolio.head(business)
    portfolio.overview(business)
else:
    one_pager.one_pager(business, model, by=here)
show(impact.source(business))
