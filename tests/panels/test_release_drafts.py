"""A draft of a release request on the screens, as its writer and as others see them."""

from __future__ import annotations

from tests.cast import WHY, House
from tests.panels.test_retirement import in_dialog
from tests.screens import Screens, said

HALF = "Better on the newest quarter, by"


def test_what_was_typed_is_kept_found_gone_on_with_and_sent_on_the_screens(
    on_screen: House,
) -> None:
    house = on_screen
    house.credit()
    alice = Screens(house, house.alice)
    page = alice.open("request", name="credit-pd", version="2", alias="shadow")
    page.text_area("reason").input(HALF).run()
    page.button("keep-draft").click().run()
    (draft,) = house.portal.release_drafts.of(by=house.alice)
    assert (draft.alias, draft.reason) == ("shadow", HALF)
    assert f"reason-{draft.id}" in {one.key for one in page.text_area}
    for screen, query in (("releases", {}), ("inbox", {"show": "Drafts"})):
        assert "Go on with: credit-pd v2 to @shadow" in alice.reads(screen, **query).replace(
            "\\", ""
        )
        assert HALF not in Screens(house, house.bob).reads(screen, **query)
    offered = alice.reads("request", name="credit-pd").replace("\\", "")
    assert "Go on with your draft: credit-pd v2 to @shadow" in offered
    house.credit(name="other-pd")
    elsewhere = alice.reads("request", name="other-pd", draft=draft.id)
    assert "There is no such draft of yours" in elsewhere
    again = alice.open("request", name="credit-pd", draft=draft.id)
    reason = again.text_area(f"reason-{draft.id}")
    assert reason.value == HALF
    assert "The draft is kept as it stands here." in said(again)
    reason.input(WHY).run()
    assert "is not in it yet." in said(again)
    again.button("keep-draft").click().run()
    (draft,) = house.portal.release_drafts.of(by=house.alice)
    assert draft.reason == WHY
    again.button("ask").click().run()
    (made,) = house.portal.requests.listing(by=house.bob)
    assert (made.alias, made.reason) == ("shadow", WHY)
    assert house.portal.release_drafts.of(by=house.alice) == []
    # Somebody who is sent the link of another is told that there is none of theirs.
    theirs = alice.reads("request", name="credit-pd", draft=draft.id)
    assert "There is no such draft of yours" in theirs


def test_a_draft_is_thrown_away_only_after_a_question(on_screen: House) -> None:
    house = on_screen
    house.credit()
    draft = house.portal.release_drafts.keep(house.version(2).id, "champion", HALF, by=house.alice)
    page = Screens(house, house.alice).open("request", name="credit-pd", draft=draft)
    page.button("discard").click().run()
    assert "what you wrote would be gone for good" in in_dialog(page)
    assert HALF in in_dialog(page)
    assert [one.id for one in house.portal.release_drafts.of(by=house.alice)] == [draft]
