"""Access: who is known, who may do what and why, and the tokens that act for them."""

from __future__ import annotations

from app.panels.access import access
from app.session import actor
from app.ui import page

here = actor()
page.head("Run", "Access", "Who may do what, why, and who gave it to them.")
access(by=here)
