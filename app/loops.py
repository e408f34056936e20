"""What the worker does over and over: carry out promotions, index, tell, close what waited long."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Final

from app.durable import EXECUTOR
from app.portal import Portal
from auth.actors import Actor
from ledger.errors import CountersignError

MIRROR: Final = Actor.system("mirror")
RELEASES: Final = Actor.system("releases")
NOTIFIER: Final = Actor.system("notifier")
RECONCILER: Final = Actor.system("reconciliation")

_LOG: Final = logging.getLogger(__name__)
_OUTBOX_SECONDS: Final = 0.3
# Of a promotion most is waiting for MLflow; those of one model go one after the other all the same.
_MORE_HANDS: Final = 3
_LOOK_SECONDS: Final = 1.0
_INDEX_SECONDS: Final = 0.25
_RECONCILE_SECONDS: Final = 1.0
_ASTRAY_SECONDS: Final = 30.0
_OVERDUE_SECONDS: Final = 600.0
# Changes are looked for as soon as an event tells of one; this is for those that none tells of.
_CHANGED_SECONDS: Final = 60.0
_TRUST_SECONDS: Final = 3600.0
_POST_SECONDS: Final = 1.0
_DIGEST_SECONDS: Final = 300.0


def threads(
    portal: Portal,
    stop: threading.Event,
    *,
    at_point: Callable[[str], None],
    is_busy: threading.Event,
) -> list[threading.Thread]:
    """The loops, each on a thread of its own that has not started yet.

    `is_busy` is set as long as there are promotions and they go through.
    """
    works = (
        lambda: _outbox(portal, stop, at_point, is_busy),
        *(lambda: _lend_a_hand(portal, stop, at_point, is_busy) for _ in range(_MORE_HANDS)),
        lambda: _index(portal, stop),
        lambda: _post(portal, stop),
        lambda: _overdue(portal, stop),
        lambda: _changed(portal, stop),
        lambda: _reconcile(portal, stop),
    )
    return [threading.Thread(target=work, daemon=True) for work in works]


def carefully(what: str, act: Callable[[], object]) -> bool:
    """Do something that may fail without ending the worker. Returns whether it went through."""
    try:
        act()
    except CountersignError as problem:
        _LOG.warning("%s: %s", what, problem.message)
        return False
    except Exception:  # noqa: BLE001 - a fault must not end the worker; it keeps its traceback
        _LOG.exception("%s", what)
        return False
    return True


def _outbox(
    portal: Portal,
    stop: threading.Event,
    at_point: Callable[[str], None],
    is_busy: threading.Event,
) -> None:
    """Carry out promotions, one after the other; while there are some, others lend a hand."""
    while not stop.is_set():
        if _carries_out_one(portal, at_point):
            is_busy.set()
        else:
            is_busy.clear()
            stop.wait(_OUTBOX_SECONDS)


def _lend_a_hand(
    portal: Portal,
    stop: threading.Event,
    at_point: Callable[[str], None],
    is_busy: threading.Event,
) -> None:
    """Carry out promotions of other models as long as there are any and MLflow answers."""
    while not stop.is_set():
        if is_busy.wait(_LOOK_SECONDS) and not _carries_out_one(portal, at_point):
            is_busy.clear()


def _carries_out_one(portal: Portal, at_point: Callable[[str], None]) -> bool:
    """Carry out the next promotion. Returns whether there was one and it came to an end."""
    done: list[object] = []

    def carry_out() -> None:
        done.append(portal.promotions.carry_out_next(EXECUTOR, by=RELEASES, at_point=at_point))

    return carefully("promotion", carry_out) and done != [None]


def _index(portal: Portal, stop: threading.Event) -> None:
    """Index what was marked; and what is live once an hour, as trust comes and goes by itself."""
    due, looked = time.monotonic() + _TRUST_SECONDS, False

    def index() -> None:
        nonlocal due, looked
        if time.monotonic() > due:
            due += _TRUST_SECONDS
            portal.indexer.mark(portal.models.live_ids())
        if portal.indexer.run(by=MIRROR) or not looked:
            portal.saved_searches.look(by=MIRROR)
            looked = True

    carefully("search index", lambda: portal.indexer.renew(by=MIRROR))
    while not stop.is_set():
        carefully("search index", index)
        stop.wait(_INDEX_SECONDS)


def _post(portal: Portal, stop: threading.Event) -> None:
    """Ask again for what did not arrive, and once a day for the daily letters."""
    due = 0.0

    def ask() -> None:
        nonlocal due
        portal.deliveries.ask_again(by=NOTIFIER)
        now = portal.clock.now()
        if time.monotonic() >= due and now.hour >= portal.settings.digest_hour:
            portal.deliveries.queue_digests(now.date().isoformat(), by=NOTIFIER)
            due = time.monotonic() + _DIGEST_SECONDS

    while not stop.is_set():
        carefully("post", ask)
        stop.wait(_POST_SECONDS)


def _reconcile(portal: Portal, stop: threading.Event) -> None:
    """Explain what moved in MLflow as soon as it is seen, and see to what is put right."""
    due = 0.0
    while not stop.is_set():
        reconcile(portal)
        if time.monotonic() >= due:
            carefully("aliases astray", lambda: portal.reconciliation.look_astray(by=RECONCILER))
            due = time.monotonic() + _ASTRAY_SECONDS
        stop.wait(_RECONCILE_SECONDS)


def reconcile(portal: Portal) -> None:
    """One round of it: find, have set back what is to be, close what was put right."""
    carefully("reconciliation", lambda: portal.reconciliation.run(by=RECONCILER))
    carefully("setting back", lambda: portal.remedies.revert(by=RECONCILER))
    carefully("closing findings", lambda: portal.remedies.close(by=RECONCILER))


def _changed(portal: Portal, stop: threading.Event) -> None:
    """Send back what is not as it was read, also where nothing told that it changed."""
    while not stop.wait(_CHANGED_SECONDS):
        carefully("changed requests", lambda: portal.rereadings.sweep(by=RELEASES))


def _overdue(portal: Portal, stop: threading.Event) -> None:
    """Close, revoke and forget what is overdue, remind before it is, and ask gates again."""
    while not stop.is_set():
        carefully("overdue conditions", lambda: portal.approvals.revoke_overdue(by=RELEASES))
        carefully("overdue requests", lambda: portal.requests.expire_overdue(by=RELEASES))
        carefully("findings soon overdue", lambda: portal.reminders.of_findings(by=RELEASES))
        carefully("requests that wait", lambda: portal.reminders.of_requests(by=RELEASES))
        carefully("re-checks", lambda: portal.rechecks.run(by=RELEASES))
        carefully("old trials", lambda: portal.trials.forget_old(by=RELEASES))
        stop.wait(_OVERDUE_SECONDS)
