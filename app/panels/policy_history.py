"""What was published before: every version of every policy, and who ended it."""

from __future__ import annotations

import streamlit as st

from app.session import portal
from app.ui import chips, page, tables, words
from app.ui.feedback import empty
from app.ui.markup import Markup, mono, show
from app.ui.tables import Column, Row
from auth.actors import Actor
from catalog.releases.policies.shelf import Edition


def history(_by: Actor) -> None:
    """The tab of everything that was published, to be read as it was written."""
    editions = portal().policies.editions()
    names = portal().people.names(
        {one.published_by for one in editions} | {one.ended_by for one in editions}
    )
    with page.card("history"):
        show(page.section("What was published or ended", words.plural(len(editions), "version")))
        if not editions:
            empty(
                "Nothing was published yet",
                "The baseline that is shipped with Countersign is in force.",
            )
            return
        show(_editions(editions, names))
        chosen = st.selectbox(
            "Version",
            range(len(editions)),
            index=None,
            format_func=lambda n: f"{editions[n].policy.name} v{editions[n].policy.version}",
            placeholder="Choose one to read as it was written",
            key="edition",
        )
        if chosen is not None:
            one = editions[chosen]
            st.code(one.text, language="yaml", line_numbers=True)
            st.download_button(
                "Download",
                one.text.encode(),
                file_name=f"{one.policy.name}-v{one.policy.version}.yaml",
                mime="application/yaml",
            )


def _editions(editions: list[Edition], names: dict[str, str]) -> Markup:
    return tables.table(
        (Column("Policy", lead=True), Column("Digest"), Column("Published"), Column("Ended")),
        [
            Row(
                (
                    tables.two(one.policy.title, f"{one.policy.name} v{one.policy.version}"),
                    mono(words.digest(one.digest)),
                    tables.two(
                        words.moment(one.published_at),
                        f"by {names.get(one.published_by, 'somebody')}",
                    )
                    if one.published_by
                    else "Shipped with Countersign",
                    chips.mark("Pass", "In force")
                    if one.ended_at is None
                    else tables.two(
                        words.moment(one.ended_at), f"by {names.get(one.ended_by, 'somebody')}"
                    ),
                )
            )
            for one in editions
        ],
        "Published versions",
    )
