"""The Discussion tab: threads about one model, with replies, mentions and tombstones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import partial
from typing import Final

import streamlit as st

from app.panels.links import link
from app.panels.shown import Shown
from app.session import act, did, portal
from app.ui import chips, feedback, page, words
from app.ui.markup import Markup, join, label, note, quote, show, strong, tag, text
from auth.actors import Actor
from catalog.registry.discussion.comment import LONGEST_COMMENT, Comment, Thread
from catalog.registry.discussion.mentions import Missed
from catalog.registry.models import Model
from ledger.errors import NotFound

_PAGE: Final = 10
_PAGE_KEY: Final = "discussion-page"
_REPLY: Final = "Reply"
_BEGINNING: Final = 30
_POSTED: Final = "comment-posted"
_MOST_FITTING: Final = 3


def panel(shown: Shown, *, by: Actor) -> None:
    """The newest threads, and the place to begin one."""
    posted()
    desk, model = portal().discussion, shown.model
    only = st.query_params.get("thread", "")
    if only and _alone(model, only, by=by):
        return
    if desk.may_post(model, by=by):
        with page.card("comment-new"):
            show(page.section("Ask or tell something about this model"))
            _form(model, "comment", by=by)
    total = desk.count(model)
    if not total:
        feedback.empty(
            "Nobody has written anything yet",
            "Ask what you need to know: whoever you mention with @ is told.",
        )
        return
    first = (int(st.session_state.get(_PAGE_KEY) or 1) - 1) * _PAGE
    found = desk.threads(model, limit=_PAGE, offset=first)
    names = _names(found)
    for thread in found:
        _thread(model, thread, names, by=by)
    if total > _PAGE:
        st.pagination(-(-total // _PAGE), key=_PAGE_KEY)


def about(model: Model, number: str, *, by: Actor) -> None:
    """What was said about one thing, such as a release request, and the place to say more."""
    posted()
    desk = portal().discussion
    found = desk.threads(model, about=number, limit=_PAGE)
    names = _names(found)
    for thread in found:
        _thread(model, thread, names, by=by)
    # The form asks who can be told: it is drawn for those who want to write.
    if desk.may_post(model, by=by) and st.button(
        "Ask or tell something", key="comment-open", icon=":material/forum:"
    ):
        st.dialog(label(f"About {number}"), width="medium")(_about)(model, number, by)


def _about(model: Model, number: str, by: Actor) -> None:
    _form(model, "comment", by=by, about=number)


def _alone(model: Model, thread_id: str, *, by: Actor) -> bool:
    """One thread, where a notice led to it, and the way to the others."""
    try:
        thread = portal().discussion.thread(model, thread_id)
    except NotFound as error:
        feedback.problem(error)
        return False
    if st.button("Show the whole discussion", key="discussion-all", icon=":material/forum:"):
        del st.query_params["thread"]
        st.rerun()
    _thread(model, thread, _names([thread]), by=by)
    return True


def _names(threads: list[Thread]) -> Mapping[str, str]:
    comments = [one for thread in threads for one in thread.comments]
    ids = {one.author for one in comments} | {one.deleted_by for one in comments}
    return portal().people.names(ids.union(*(one.mentions for one in comments)) - {""})


def _form(model: Model, key: str, *, by: Actor, thread: str = "", about: str = "") -> None:
    """A comment to be written; the people offered are those who may see the model."""
    people = portal().discussion.people(model, by=by)
    with st.form(key, clear_on_submit=True, border=False):
        said = st.text_area(
            "Your reply" if thread else "Your comment",
            max_chars=LONGEST_COMMENT,
            placeholder="Plain text. @Ada or @Ada Berg tells that person.",
            height=96,
        )
        mentioned = st.multiselect(
            "Tell",
            list(people),
            format_func=lambda one: people[one],
            placeholder="People who may see this model",
        )
        sent = st.form_submit_button("Reply" if thread else "Post", icon=":material/send:")
    if sent:
        body = _with_mentions(said or "", [people[one] for one in mentioned])
        made = act(
            lambda who: portal().discussion.post(model.id, body, by=who, thread=thread, about=about)
        )
        if made:
            st.session_state[_POSTED] = made
            st.rerun()


def posted() -> None:
    """After a comment was written: who is told of it, and which @ told nobody."""
    made: Comment | None = st.session_state.pop(_POSTED, None)
    if made is None:
        return
    names = portal().people.names(set(made.mentions))
    told = words.listing(sorted(names.values()))
    if told:
        verb = "is" if len(names) == 1 else "are"
        feedback.done(f"{told} {verb} told of your comment.")
    if made.missed:
        feedback.notice(
            " ".join(_missed(one) for one in made.missed),
            "Reply with the full name, or choose the person under Tell.",
        )


def _missed(one: Missed) -> str:
    if not one.fits:
        return f"@{one.word} told nobody: nobody who may see this model is called so."
    some = one.fits[:_MOST_FITTING]
    more = [words.plural(len(one.fits) - len(some), "other")] if one.fits[len(some) :] else []
    return f"@{one.word} told nobody: it may be {words.listing([*some, *more])}."


def _with_mentions(said: str, names: list[str]) -> str:
    """The text with those in front who were chosen and are not named in it."""
    missing = [f"@{name}" for name in names if f"@{name}".casefold() not in said.casefold()]
    return f"{' '.join(missing)} {said}".strip() if said.strip() else said


def _thread(model: Model, thread: Thread, names: Mapping[str, str], *, by: Actor) -> None:
    first = thread.first
    with page.card(f"thread-{first.id}"):
        if first.about and first.about != st.query_params.get("id"):
            link(f"About {first.about}", "release", icon=":material/approval:", id=first.about)
        show(
            _comment(first, names),
            tag("div", *(_comment(one, names) for one in thread.replies), cls="cs-replies")
            if thread.replies
            else "",
        )
        acts = _acts(model, thread, by=by)
        if acts:
            chosen = st.menu_button("Reply or change", list(acts), key=f"do-{first.id}")
            if chosen:
                acts[chosen]()


def _acts(model: Model, thread: Thread, *, by: Actor) -> dict[str, partial[None]]:
    """What this person may do in a thread, by the words on the menu."""
    desk = portal().discussion
    acts: dict[str, partial[None]] = {}
    if desk.may_post(model, by=by):
        acts[_REPLY] = partial(_reply, model, thread.first.id, by)
    begun: Counter[str] = Counter()
    for one in thread.comments:
        if one.is_removed:
            continue
        begins = label(one.text[:_BEGINNING])
        begun[begins] += 1
        # Two that begin alike must not be taken for each other.
        which = f", number {begun[begins]}" if begun[begins] > 1 else ""
        if desk.may_edit(model, one, by=by):
            acts[f"Change “{begins}”{which}"] = partial(_edit, one)
        if desk.may_remove(model, one, by=by):
            acts[f"Remove “{begins}”{which}"] = partial(_remove, one)
    return acts


def _comment(one: Comment, names: Mapping[str, str]) -> Markup:
    author = names.get(one.author, "Somebody")
    if one.deleted_at is not None:
        whose = "its author" if one.deleted_by == one.author else names.get(one.deleted_by, "")
        said = f"{author}'s comment was removed by {whose}, {words.moment(one.deleted_at)}."
        return tag("article", chips.mark("Withdrawn", said), cls="cs-comment", id=one.id)
    when = words.moment(one.at)
    if one.edited_at is not None:
        when += f", changed {words.moment(one.edited_at)}"
    return tag(
        "article",
        tag("p", strong(author), " ", tag("span", when, cls="cs-note")),
        tag("p", _marked(one, names), cls="cs-said"),
        cls="cs-comment",
        id=one.id,
    )


def _marked(one: Comment, names: Mapping[str, str]) -> Markup:
    """The text as it was typed, with the people who were told standing out."""
    rest, pieces = one.text, []
    whole = {names[id_] for id_ in one.mentions if id_ in names}
    told = sorted(whole | {name.partition(" ")[0] for name in whole}, key=len, reverse=True)
    while rest:
        places = [(rest.casefold().find(f"@{name}".casefold()), name) for name in told]
        found = [place for place in places if place[0] >= 0]
        if not found or len(rest.casefold()) != len(rest):
            break
        at, name = min(found, key=lambda place: (place[0], -len(place[1])))
        end = at + len(name) + 1
        pieces += [text(rest[:at]), tag("span", rest[at:end], cls="cs-mention")]
        rest = rest[end:]
    return join([*pieces, rest])


@st.dialog("Reply")
def _reply(model: Model, thread: str, by: Actor) -> None:
    _form(model, f"reply-{thread}", by=by, thread=thread)


@st.dialog("Change your comment")
def _edit(one: Comment) -> None:
    show(note("What it said before is kept, and that it was changed is shown. Nobody is told."))
    said = st.text_area("Your comment", one.text, max_chars=LONGEST_COMMENT, key=f"edit-{one.id}")
    if st.button("Change it", type="primary", key=f"edit-sure-{one.id}") and did(
        lambda by: portal().discussion.edit(one.id, said or "", by=by)
    ):
        st.rerun()


@st.dialog("Remove a comment")
def _remove(one: Comment) -> None:
    show(
        quote(one.text),
        tag(
            "p",
            "Its text and what it said before are gone then. That it was here, whose it was and "
            "who removed it stays readable.",
        ),
    )
    if st.button("Remove it", type="primary", key=f"remove-{one.id}") and did(
        lambda by: portal().discussion.remove(one.id, by=by)
    ):
        st.rerun()
