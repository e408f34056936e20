"""Routes for the discussion of a model: read it, take part, change or remove what one wrote."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict

from app.api.addressed import Named
from app.api.caller import Caller, Desk
from app.portal import Portal
from catalog.registry.discussion.comment import Comment, Thread
from ledger.clock import iso

router = APIRouter(tags=["discussion"])
_of_model = APIRouter(prefix="/models/{name}/discussion")


class Words(BaseModel):
    """What somebody writes, as plain text: `@Name` mentions those of that name who may read it."""

    model_config = ConfigDict(extra="forbid")

    text: str


class Contribution(Words):
    """A comment; with `thread`, the id of the comment that began it, a reply."""

    thread: str = ""


@_of_model.get("")
def threads(
    model: Named,
    portal: Desk,
    limit: Annotated[int, Query(ge=1, le=50)] = 10,
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
) -> dict[str, Any]:
    """The threads, newest first, each with its replies, oldest first."""
    found = portal.discussion.threads(model, limit=limit, offset=offset)
    names = _names(portal, [one for thread in found for one in thread.comments])
    return {
        "model": model.name,
        "total": portal.discussion.count(model),
        "threads": [_thread(one, names) for one in found],
    }


@_of_model.get("/people")
def people(
    model: Named,
    portal: Desk,
    by: Caller,
    beginning: Annotated[str, Query(max_length=80)] = "",
) -> dict[str, Any]:
    """Whom one can mention, fifty at most: those who may read the model."""
    found = portal.discussion.people(model, by=by, beginning=beginning)
    return {"people": [{"id": id_, "name": name} for id_, name in found.items()]}


@_of_model.get("/{thread}")
def thread(model: Named, thread: str, portal: Desk) -> dict[str, Any]:
    """One thread."""
    found = portal.discussion.thread(model, thread)
    return _thread(found, _names(portal, found.comments))


@_of_model.get("/{comment}/editions")
def editions(model: Named, comment: str, portal: Desk) -> dict[str, Any]:
    """What a comment said before it was changed, oldest first; nothing once it was removed."""
    found = portal.discussion.editions(model, comment)
    return {"editions": [{"text": one.text, "until": iso(one.until)} for one in found]}


@_of_model.post("", status_code=201)
def post(model: Named, said: Contribution, portal: Desk, by: Caller) -> dict[str, Any]:
    """Write a comment or a reply; who is mentioned is told once.

    `missed` are the words behind an @ that told nobody, with the names that each of them fits.
    """
    made = portal.discussion.post(model.id, said.text, by=by, thread=said.thread)
    missed = [{"word": one.word, "fits": list(one.fits)} for one in made.missed]
    return {**_comment(made, _names(portal, (made,))), "missed": missed}


@router.put("/comments/{comment}")
def edit(comment: str, said: Words, portal: Desk, by: Caller) -> dict[str, Any]:
    """Change one's own comment; what it said before is kept, and nobody is told again."""
    made = portal.discussion.edit(comment, said.text, by=by)
    return _comment(made, _names(portal, (made,)))


@router.delete("/comments/{comment}", status_code=204)
def remove(comment: str, portal: Desk, by: Caller) -> None:
    """Remove a comment: its place stays, its text and what it said before are gone."""
    portal.discussion.remove(comment, by=by)


router.include_router(_of_model)


def _names(portal: Portal, comments: Iterable[Comment]) -> Mapping[str, str]:
    ids = {id_ for one in comments for id_ in (one.author, one.deleted_by, *one.mentions)}
    return portal.people.names(ids - {""})


def _thread(found: Thread, names: Mapping[str, str]) -> dict[str, Any]:
    return {
        **_comment(found.first, names),
        "replies": [_comment(one, names) for one in found.replies],
    }


def _comment(one: Comment, names: Mapping[str, str]) -> dict[str, Any]:
    return {
        "id": one.id,
        "thread": one.thread,
        "author": _person(one.author, names),
        "text": one.text,
        "mentions": [_person(id_, names) for id_ in one.mentions],
        "at": iso(one.at),
        "edited_at": iso(one.edited_at) if one.edited_at else None,
        "removed_at": iso(one.deleted_at) if one.deleted_at else None,
        "removed_by": _person(one.deleted_by, names) if one.deleted_by else None,
    }


def _person(id_: str, names: Mapping[str, str]) -> dict[str, str]:
    return {"id": id_, "name": names.get(id_, "")}
