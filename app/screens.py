"""The table of screens: what each is called, where it stands, and what it takes to open it."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from functools import cache
from typing import Final

import streamlit as st

from app.settings import ROOT
from auth.access import may_anywhere
from auth.actors import Actor

GROUPS: Final = ("Find", "Decide", "Watch", "Prove", "Run")


@dataclass(frozen=True)
class Screen:
    """One screen. Any one of the permissions opens it; none named: being signed in is enough."""

    key: str
    title: str
    icon: str
    group: str
    permissions: tuple[str, ...] = ()
    in_navigation: bool = True

    @property
    def path(self) -> str:
        """The file of the screen."""
        return str(ROOT / "pages" / f"{self.key}.py")

    def may_open(self, actor: Actor) -> bool:
        """Whether it is shown to this person."""
        return not self.permissions or any(may_anywhere(actor, one) for one in self.permissions)

    def page(self, *, shown: bool) -> st.Page:
        """It as a page of this run, in the navigation or not."""
        # A copy: Streamlit writes into a page that it may be run, and other people open it too.
        return copy(_page(self, shown=shown))


@cache
def _page(screen: Screen, *, shown: bool) -> st.Page:
    # Made once: Streamlit resolves the path of its file each time, eighteen of them in every run.
    return st.Page(
        screen.path,
        title=screen.title,
        icon=f":material/{screen.icon}:",
        url_path=screen.key,
        default=screen.key == "home",
        visibility="visible" if shown else "hidden",
    )


PAGES: Final = (
    Screen("home", "Home", "home", "Find"),
    Screen("discover", "Discover", "search", "Find", ("model:read",)),
    Screen("model", "Model", "deployed_code", "Find", ("model:read",)),
    Screen("compare", "Compare", "compare_arrows", "Find", ("model:read",)),
    Screen("explain", "Explain", "bar_chart", "Find", ("explanation:read",)),
    Screen("lineage", "Lineage", "account_tree", "Find", ("model:read",)),
    Screen(
        "inbox",
        "Inbox",
        "inbox",
        "Decide",
        (
            "access:ask",
            "access:decide",
            "release:accept",
            "release:decide",
            "release:request",
            "release:validate",
        ),
    ),
    Screen("releases", "Releases", "approval", "Decide", ("release:read",)),
    Screen("findings", "Findings", "report", "Decide", ("release:read",)),
    Screen("policies", "Policies", "gavel", "Decide", ("release:read",)),
    Screen("release", "Release request", "approval", "Decide", ("release:read",), False),
    Screen("request", "Request release", "approval", "Decide", ("release:request",), False),
    Screen("notifications", "Notifications", "notifications", "Watch", (), False),
    Screen("impact", "Impact", "query_stats", "Watch", ("impact:read",)),
    Screen("audit", "Audit", "verified_user", "Prove", ("audit:read",)),
    Screen("use_case", "AI use case", "flag", "Find", ("use-case:read",), False),
    Screen("access", "Access", "group", "Run", ("person:read", "token:issue")),
    Screen("settings", "Settings", "settings", "Run", ("settings:read",)),
)

_BY_KEY: Final = {screen.key: screen for screen in PAGES}


def at(key: str) -> str:
    """The screen of this name, as `st.page_link` and `st.switch_page` want it."""
    return _BY_KEY[key].path
