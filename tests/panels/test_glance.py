"""A version at a glance: what it was trained on is no other data of its run."""

from __future__ import annotations

from app.panels.glance import glance
from app.panels.shown import read
from tests.cast import House


def test_what_a_version_was_measured_on_is_not_what_it_was_trained_on(on_screen: House) -> None:
    on_screen.credit()
    told = read(on_screen.model(), by=on_screen.carol)
    assert told.subject is not None
    said = dict(glance(told, told.subject))
    assert "lending-train" in str(said["Trained on"])
    assert "lending-holdout" not in str(said["Trained on"])
