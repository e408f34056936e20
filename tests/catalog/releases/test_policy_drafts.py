"""Whoever writes a policy finds their draft again, and nobody else does."""

from __future__ import annotations

import pytest

from catalog.releases.policies.reading import LARGEST_BYTES
from ledger.errors import Invalid, Refused
from tests.cast import House


def test_a_draft_is_kept_for_its_writer_alone_until_it_is_emptied(house: House) -> None:
    desk = house.portal.drafts
    assert desk.of(by=house.grace) == ""
    desk.keep("name: half", by=house.grace)
    desk.keep("name: half written", by=house.grace)
    desk.keep("name: another", by=house.alice)
    assert desk.of(by=house.grace) == "name: half written"
    desk.keep("  \n", by=house.grace)
    assert (desk.of(by=house.grace), desk.of(by=house.alice)) == ("", "name: another")


def test_what_is_longer_than_any_policy_or_of_a_stranger_is_not_kept(small_house: House) -> None:
    desk = small_house.portal.drafts
    desk.keep("#" * LARGEST_BYTES, by=small_house.grace)
    with pytest.raises(Invalid):
        desk.keep("#" * (LARGEST_BYTES + 1), by=small_house.grace)
    with pytest.raises(Refused):
        desk.keep("name: x", by=small_house.dave)
    assert len(desk.of(by=small_house.grace)) == LARGEST_BYTES
    assert desk.of(by=small_house.dave) == ""
