"""The trail's vocabulary has words for everything the law knows."""

from __future__ import annotations

from app.panels.acts import PERMISSIONS, act_words, permission_words, reason_words
from auth.permissions import PERMISSIONS as LAW


def test_every_permission_of_the_law_has_words() -> None:
    assert set(PERMISSIONS) >= LAW
    assert all(permission_words(one) != one for one in LAW)


def test_an_act_without_words_keeps_its_name() -> None:
    assert act_words("model:paint") == "model:paint"


def test_what_went_well_needs_no_reason_and_an_unknown_code_still_reads() -> None:
    assert reason_words("ok") == ""
    assert reason_words("never-heard-of") == "Never heard of"
