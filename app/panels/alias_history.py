"""Which version was which alias, and when: as a picture, and as an answer for any moment."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

import streamlit as st

from app.panels.release_routes import words_of
from app.panels.shown import CHAMPION, Shown
from app.session import portal
from app.ui import page, words
from app.ui.markup import Markup, join, note, show, strong, tag
from app.ui.timeline import Stretch, lanes
from catalog.registry.changes import Spell, Uncertain
from catalog.registry.mirror.pen import Kind
from catalog.releases.decisions.briefs import Brief
from catalog.releases.states import PromotionState, Route

LOOK_BACK: Final = timedelta(days=30)
_MOST_LANES: Final = 6
_MOST_MOVES: Final = 500
_MOST_STRETCHES: Final = 60
_EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
_AHEAD: Final = timedelta(days=1)
_ALIASES: Final[tuple[Kind, ...]] = ("alias",)
# A window shorter than this is told as one moment.
_EXACT: Final = timedelta(minutes=2)


def panel(shown: Shown) -> None:
    """The picture, and the question which version an alias was on."""
    names = aliases(shown)
    if not names:
        return
    asked = at(shown)
    desk = portal().changes
    told = {name: desk.spells(shown.model, name) for name in names[:_MOST_LANES]}
    with page.card("alias-history"):
        show(
            page.section("Which version was it, and when?", "as read from MLflow"),
            lanes(
                {
                    name: [_stretch(shown, one) for one in spells[-_MOST_STRETCHES:]]
                    for name, spells in told.items()
                },
                shown.now,
                asked,
            ),
            note(
                "Hatched: it moved somewhere in that time, nobody can say when. Dashed: moved "
                "outside Countersign. Grey: it was not set, or not read again since. A time too "
                "short for its number is a narrow bar: point at it."
            ),
        )
        with st.container(horizontal=True, vertical_alignment="bottom", key="alias-at"):
            # The address leads: it may have been opened with another question than the last.
            st.session_state["alias-asked"] = _alias(names)
            alias = st.selectbox("Alias", names, key="alias-asked", on_change=_keep)
            st.datetime_input(
                "On, in UTC",
                asked.replace(tzinfo=None),
                key="alias-when",
                on_change=_keep,
                step=timedelta(minutes=15),
                min_value=_EARLIEST.replace(tzinfo=None),
                max_value=(shown.now + _AHEAD).replace(tzinfo=None),
            )
        show(tag("p", answer(shown, alias or names[0], asked), cls="cs-text", role="status"))


def aliases(shown: Shown) -> list[str]:
    """The aliases this model has or had, champion first."""
    moved = portal().changes.of(shown.model, kinds=_ALIASES, limit=_MOST_MOVES)
    names = {one.name for one in moved} | {one.name for one in shown.model.aliases}
    return sorted(names, key=lambda name: (name != CHAMPION, name))


def at(shown: Shown) -> datetime:
    """The moment in the address, or a month ago when there is none that can be asked about."""
    usual = shown.now - LOOK_BACK
    try:
        found = datetime.fromisoformat(st.query_params.get("at", "")[:40])
        found = found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        found = usual
    if not _EARLIEST <= found <= shown.now + _AHEAD:
        found = usual
    return found.replace(second=0, microsecond=0)


def _alias(names: list[str]) -> str:
    given = st.query_params.get("alias", CHAMPION)
    return given if given in names else names[0]


def _keep() -> None:
    st.query_params["alias"] = str(st.session_state["alias-asked"])
    when = st.session_state["alias-when"]
    if isinstance(when, datetime):
        st.query_params["at"] = when.strftime("%Y-%m-%dT%H:%M")


def answer(shown: Shown, alias: str, when: datetime) -> Markup:
    """Which version an alias was on, since when, by whose act; or why nobody can say."""
    asked = join((strong(f"@{alias}"), " on ", words.moment(when), ": "))
    if when > shown.now:
        return join((asked, "that is still to come."))
    if when < shown.model.created_at:
        began = words.moment(shown.model.created_at)
        return join((asked, f"the model was registered only {began}."))
    found = portal().changes.alias_at(shown.model, alias, when)
    if found is None:
        return join((asked, "it was not set."))
    if isinstance(found, Uncertain):
        return join((asked, _doubt(found)))
    return join(
        (
            asked,
            strong(f"v{found.number}"),
            f", {_began(found)}, {_ended(found)}. ",
            _by(shown, found),
        )
    )


def _doubt(found: Uncertain) -> str:
    numbers = [f"v{one.number}" if one else "no version" for one in found.candidates]
    either = " or ".join(dict.fromkeys(numbers))
    if found.since is None:
        return (
            f"nobody here can say. Countersign first read it {words.moment(found.until)}, and "
            f"MLflow keeps no history; it was on {either} then."
        )
    return (
        f"on {either}. It moved between {words.moment(found.since)} and "
        f"{words.moment(found.until)}, and MLflow keeps no history that would say when."
    )


def _began(spell: Spell) -> str:
    if spell.start_since is None:
        return f"already there when Countersign first read it, {words.moment(spell.start_until)}"
    if spell.start_until - spell.start_since <= _EXACT:
        return f"since {words.moment(spell.start_until)}"
    return (
        f"since some time between {words.moment(spell.start_since)} and "
        f"{words.moment(spell.start_until)}"
    )


def _ended(spell: Spell) -> str:
    if spell.end_until is None:
        return f"and still on {words.moment(spell.end_since)}, when it was last read"
    if spell.end_until - spell.end_since <= _EXACT:
        return f"until {words.moment(spell.end_until)}"
    return (
        f"until some time between {words.moment(spell.end_since)} and "
        f"{words.moment(spell.end_until)}"
    )


def approval(shown: Shown, spell: Spell) -> Brief | None:
    """The release by which a spell began, if it was Countersign that moved the alias."""
    for brief in shown.briefs:
        if (
            brief.alias == spell.alias
            and brief.version_number == spell.number
            and brief.route is not Route.RETIREMENT
            and brief.promotion is PromotionState.APPLIED
            and brief.promoted_at is not None
            and (spell.start_since is None or spell.start_since <= brief.promoted_at)
            and brief.promoted_at <= spell.start_until
        ):
            return brief
    return None


def _by(shown: Shown, spell: Spell) -> str:
    brief = approval(shown, spell)
    if brief is not None:
        way = words_of(brief.route, brief.requested_by)
        how = f", {way.lower()}" if way else ""
        return f"Approved by {shown.name(brief.decided_by)} in {brief.number}{how}."
    if spell.by_promotion:
        return "Moved by Countersign, on an approval."
    if spell.start_since is None:
        return "Who put it there is not known here."
    return "Moved outside Countersign: nobody approved it here."


def _stretch(shown: Shown, spell: Spell) -> Stretch:
    return Stretch(
        f"v{spell.number}",
        f"{_began(spell)}, {_ended(spell)}. {_by(shown, spell)}",
        (spell.start_since, spell.start_until),
        (spell.end_since, spell.end_until),
        is_ours=bool(spell.by_promotion) or approval(shown, spell) is not None,
    )
