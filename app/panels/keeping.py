"""How MLflow is kept to what was approved: the guard, and what is found where it does not reach."""

from __future__ import annotations

from typing import Final

from app.panels.findings import detected
from app.panels.links import link
from app.session import portal
from app.settings import Settings
from app.ui import chips, page, tables, words
from app.ui.markup import Markup, note, show
from auth.actors import Actor
from catalog.releases.findings.detection import Detection
from catalog.releases.findings.finding import Kind
from catalog.releases.reconciliation.reconciliation import Looked

_OUTSIDE: Final = Kind.OUTSIDE.value


def panel(*, by: Actor) -> None:
    """What is refused in MLflow itself, when the changes in it were last explained, how soon."""
    here = portal()
    told = facts(
        here.settings,
        here.reconciliation.looked(by=by),
        here.findings.detection(by=by),
    )
    with page.card("keeping"):
        show(
            page.section("How MLflow is kept to what was approved"),
            tables.facts(told),
            note(
                "A guarded server refuses to move a protected alias without a ticket of "
                "Countersign. Whatever moves all the same, there or on a server without a guard, "
                "becomes a finding."
            ),
        )
        link("Moved outside the process", "findings", icon=":material/report:", kind=_OUTSIDE)


def facts(settings: Settings, looked: Looked, took: Detection) -> list[tuple[str, object]]:
    """What is known of it here; what a guard protects is said to MLflow, not to the portal."""
    return [
        ("Guard", _guard(settings)),
        ("Protected aliases", _protected(settings)),
        ("Changes explained", _explained(looked)),
        ("Time to detect", detected(took) or "Nothing moved outside the process in 30 days."),
    ]


def _guard(settings: Settings) -> Markup | str:
    if not settings.starts_mlflow:
        return (
            "Not known here: MLflow is somebody else's to start. With the guard it is started as "
            "mlflow server --app-name countersign."
        )
    if settings.guard:
        return chips.mark("Active", "On, in the MLflow that Countersign starts")
    return chips.gap("Off (GUARD=0): moves are found afterwards, and not refused")


def _protected(settings: Settings) -> str:
    if settings.starts_mlflow and not settings.guard:
        return "None."
    return "@champion, or those that COUNTERSIGN_GUARD_ALIASES names where MLflow is started."


def _explained(looked: Looked) -> Markup | str:
    if looked.at is None:
        return chips.mark("Waits", "Not yet: no server has been read as a whole")
    upto = f"the last that was seen, {words.moment(looked.at)}"
    if looked.waiting:
        verb = "waits" if looked.waiting == 1 else "wait"
        return chips.mark("Stale", f"{words.plural(looked.waiting, 'change')} {verb}; {upto}")
    return f"All of them; {upto}"
