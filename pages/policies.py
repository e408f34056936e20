"""Policies: the release law in force, and a draft that is written, tried on the past, published."""

from __future__ import annotations

from app.panels import policies
from app.session import require
from app.ui import page

who = require("release:read")
page.head(
    "Decide",
    "Policies",
    "What a release is asked, who has to agree, and what it rests on.",
)
policies.draw(who)
