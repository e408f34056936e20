"""Impact: what the live models do for the business, and one page for each of them."""

from __future__ import annotations

from app.panels import portfolio
from app.session import actor, portal
from app.ui.markup import show

here = actor()
models = portal().models.visible(by=here)
model = portfolio.asked(models)
business = portfolio.gather(portal(), by=here, model_id=model.id if model else "")
if model is None:
    portfolio.head(business, models)
    portfolio.overview(business)
else:
    portfolio.one_pager(business, model, models, by=here)
show(portfolio.source(business))
