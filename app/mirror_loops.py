"""The worker's loops over each MLflow server: look, read all of a large one, open what is new."""

from __future__ import annotations

import os
import threading
from datetime import timedelta
from typing import Final

from app import own_mlflow
from app.loops import MIRROR, carefully
from app.portal import Portal
from app.settings import OWN_MLFLOW
from catalog.registry.mirror.mirror import Mirror

_CRAWL_SECONDS: Final = 10.0
_FILES_SECONDS: Final = 600.0


def threads(portal: Portal, stop: threading.Event) -> list[threading.Thread]:
    """For each server: one looks, one reads everything of a large registry, one opens versions."""
    made = []
    for mirror in portal.mirrors.values():
        looked = threading.Event()
        arguments = (portal, mirror, looked, stop)
        made += [
            threading.Thread(target=loop, args=arguments, daemon=True)
            for loop in (_look_loop, _crawl_loop, _open_loop)
        ]
    made.append(threading.Thread(target=_files_loop, args=(portal, stop), daemon=True))
    return made


def _look_loop(
    portal: Portal, mirror: Mirror, looked: threading.Event, stop: threading.Event
) -> None:
    wait = 1.0
    listens = os.environ.get(OWN_MLFLOW) == "1" and mirror is portal.mirror
    while not stop.is_set():
        if carefully("mirror", lambda: mirror.look(by=MIRROR)):
            wait = float(portal.settings.mirror_seconds)
            looked.set()
            if listens and carefully("webhook", lambda: own_mlflow.listen(portal.settings)):
                listens = False
        else:
            wait = min(wait * 2, 10.0) if wait < portal.settings.mirror_seconds else 2.0
        stop.wait(wait)


def _crawl_loop(
    portal: Portal, mirror: Mirror, looked: threading.Event, stop: threading.Event
) -> None:
    every = timedelta(minutes=portal.settings.mirror_crawl_minutes)
    while not stop.wait(_CRAWL_SECONDS):
        if mirror.is_crawl_due(every) and carefully(
            "crawl", lambda: mirror.look(by=MIRROR, at_everything=True)
        ):
            looked.set()


def _open_loop(
    _portal: Portal, mirror: Mirror, looked: threading.Event, stop: threading.Event
) -> None:
    while not stop.is_set():
        # After each look there may be something new; what could not be opened waits for it too.
        if looked.wait(1.0):
            looked.clear()
            carefully("opening", lambda: mirror.open_waiting(by=MIRROR))


def _files_loop(portal: Portal, stop: threading.Event) -> None:
    while not stop.wait(_FILES_SECONDS):
        carefully("files", lambda: portal.artifact_readings.ask(by=MIRROR))
