"""The line of versions tells what became of each: what was live, and what was put back by whom."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from app.panels.champion import _reasons
from app.panels.metric_history import _better
from app.panels.shown import read
from app.panels.version_history import standing
from catalog.releases.states import Route, State
from tests.cast import WHY, House
from tests.screens import Screens


def test_a_version_that_was_live_and_revoked_says_both(on_screen: House) -> None:
    on_screen.credit()
    on_screen.approved(2)
    on_screen.deliver()
    on_screen.mlflow.point("credit-pd", "champion", 1)
    on_screen.mirror()
    told = read(on_screen.model(), by=on_screen.carol)
    assert standing(told, on_screen.version(2))[1] == "Was live from 20 Nov 2026"
    (brief,) = told.briefs
    revoked = replace(told, briefs=(replace(brief, state=State.REVOKED),))
    assert standing(revoked, on_screen.version(2))[1] == "Was live from 20 Nov 2026, then revoked"
    waiting = replace(told, briefs=(replace(brief, state=State.REVOKED, promotion=None),))
    assert standing(waiting, on_screen.version(2))[1] == "Revoked"


def test_what_is_put_back_by_itself_is_not_called_approved_and_says_why_once(
    on_screen: House,
) -> None:
    on_screen.credit()
    on_screen.approved(2)
    on_screen.deliver()
    on_screen.mirror()
    told = read(on_screen.model(), by=on_screen.carol)
    (brief,) = told.briefs
    assert standing(told, on_screen.version(2))[2] == "approved by Bob Norrland"
    assert len([one for one in _reasons(told, brief) if WHY in one]) == 2
    back = replace(brief, route=Route.ROLLBACK, requested_by=brief.decided_by)
    put_back = replace(told, briefs=(back,))
    assert standing(put_back, on_screen.version(2))[2] == "put back by Bob Norrland"
    assert len([one for one in _reasons(put_back, back) if WHY in one]) == 1


def test_the_chart_says_which_way_is_better_where_that_is_known(on_screen: House) -> None:
    on_screen.credit()
    told = read(on_screen.model(), by=on_screen.carol)
    assert _better(told, "roc_auc") == " (higher is better)"
    assert _better(told, "RMSE") == " (lower is better)"
    assert _better(told, "depth") == ""


def test_where_a_model_is_chosen_a_restricted_one_says_so(on_screen: House) -> None:
    on_screen.credit()
    on_screen.clock.advance(timedelta(minutes=1))
    here = Screens(on_screen, on_screen.alice)
    assert "Restricted" not in here.reads("model")
    on_screen.portal.restrictions.restrict(on_screen.model().id, "Secret.", by=on_screen.alice)
    assert all("Restricted" in here.reads(screen) for screen in ("model", "compare"))
