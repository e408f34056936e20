"""Impact: what the live models do for the business, and one page for each of them."""

from __future__ import annotations

from app.panels import portfolio
from app.session import actor, portal
from app.ui.markup import show

here = actor()
model = portfolio.asked(by=here)
business = portfolio.gather(portal(), by=here, model_id=model.id if model else "")
if model is None:
    portfolio.head(business)
    portfolio.overview(business)
else:
    portfolio.one_pager(business, model, by=here)
show(portfolio.source(business))
