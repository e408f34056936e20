"""What a reviewer is shown of what became different since they read, or asked for changes."""

from __future__ import annotations

from dataclasses import replace

from catalog.releases.evidence.changes import Changed, changes
from catalog.releases.evidence.snapshot import Flaw, Measured, Piece
from catalog.releases.states import State, Verb
from tests.cast import WHY, House


def test_nothing_is_told_while_nothing_changed(house: House) -> None:
    house.credit()
    assert house.portal.requests.sheet(house.asked().id, by=house.bob).changes == ()


def test_after_changes_were_asked_for_the_reviewer_sees_just_what_is_different(
    house: House,
) -> None:
    house.credit()
    desk = house.portal.requests
    request = house.asked()
    house.portal.decisions.decide(request.id, Verb.REQUEST_CHANGES, "Describe it.", by=house.bob)
    house.mlflow.describe_version("credit-pd", 2, "Says what is new, at last.")
    house.mirror()
    before_it_is_sent = desk.sheet(request.id, by=house.bob).changes
    desk.resubmit(request.id, WHY, by=house.alice)
    house.work()
    sheet = desk.sheet(request.id, by=house.bob)
    assert (sheet.request.state, sheet.changed_since) == (State.IN_REVIEW, False)
    assert [one.name for one in sheet.changes] == ["Description"]
    assert [one.name for one in before_it_is_sent] == ["Description"]


def test_each_thing_that_a_snapshot_holds_is_named_when_it_changes(small_house: House) -> None:
    small_house.credit()
    before = small_house.portal.requests.sheet(small_house.asked().id, by=small_house.bob).snapshot
    number = Measured("auc", 0.9, "loans", "e1f0", ("evaluation",))
    piece = Piece("scan", "modelscan", "sha256:1", "CI", False, "2026-11-20T09:12:00Z", "", {})
    after = replace(
        before,
        candidate=replace(before.candidate, metrics=(number,)),
        champion_is_live=False,
        manifest_digest="sha256:0",
        tier="1",
        pieces=(piece,),
        flaws=(Flaw("F-2026-0001", "observation", "high"),),
    )
    assert changes(before, before) == ()
    told = changes(before, after)
    assert [one.name for one in told] == [
        "Files",
        "Live now",
        "Model tier",
        "Findings that stand",
        "auc on loans",
        "roc_auc on lending-holdout",
        "Evidence: scan modelscan",
    ]
    assert Changed("Live now", "v1", "nothing") in told
    assert Changed("auc on loans", "", "0.9") in told


def test_what_is_said_of_a_request_is_read_there_and_in_the_discussion_of_the_model(
    house: House,
) -> None:
    house.credit()
    request, desk, model = house.asked(), house.portal.discussion, house.model()
    desk.post(model.id, "Of the model as a whole.", by=house.bob)
    first = desk.post(model.id, "@Alice Norrland why so?", by=house.bob, about=request.number)
    desk.post(model.id, "Because.", by=house.alice, thread=first.id)
    (thread,) = desk.threads(model, about=request.number)
    assert [one.text for one in thread.comments] == ["@Alice Norrland why so?", "Because."]
    assert thread.first.mentions == (house.alice.id,)
    assert (desk.count(model), desk.count(model, about=request.number)) == (2, 1)
    assert {one.first.about for one in desk.threads(model)} == {"", request.number}
