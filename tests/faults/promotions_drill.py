"""The drill of the promotions: approvals, kills at every named point, an MLflow that goes away.

What is approved is approved over the API of a real portal, carried out by a real worker in a real
guarded MLflow. Both are killed at each named point of their work, MLflow is killed and stays away
for a while in which everything is approved, and in the end each approval is compared with what the
record says and with what MLflow's own database remembers.
"""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Any, Final

import httpx

from app.worker import MIRROR
from catalog.releases.decisions.decisions import DECIDING
from catalog.releases.promotions import promotions
from catalog.releases.promotions.tickets import TicketOffice
from ledger.clock import SystemClock
from tests.faults import stock
from tests.faults.workshop import AUTHOR, Logged, Workshop
from tests.guard.scene import guarded
from tests.stack import Program, until

ALIASES: Final = ("champion", "challenger", "canary", "shadow")
POINTS: Final[Mapping[str, Sequence[str]]] = {"worker": promotions.POINTS, "portal": DECIDING}
# What is promised: so many queued promotions are carried out within this time after the return.
DRAINED_S: Final = 180.0
FIRST_S: Final = 10.0
_OTHERS: Final = 5
_OFTEN: Final = 2
_LONG_S: Final = 1200.0


@dataclass(frozen=True)
class Size:
    """How large a drill is.

    Attributes:
        approvals: that wait when MLflow comes back; a fifth more is carried out before it goes.
        kills: how often a process is killed at each named point.
        points: those points, by who is killed there.
        down_s: how long MLflow is away, in seconds; longer if the approvals take longer.
        seed: of the order of approvals and kills, so that a failure can be seen again.
    """

    approvals: int
    kills: int
    down_s: float
    points: Mapping[str, Sequence[str]] = field(default_factory=lambda: POINTS)
    seed: int = 20261126

    @property
    def before(self) -> int:
        """The approvals that are carried out before MLflow goes away."""
        return max(self.approvals // _OTHERS, _OFTEN * self.kills * len(self.points["worker"]))

    @property
    def models(self) -> int:
        """The models they are about."""
        return -(-(self.approvals + self.before) // len(ALIASES))


@dataclass
class Outcome:
    """What became of the approvals of one database."""

    approvals: int = 0
    points: dict[str, int] = field(default_factory=dict)
    kills: int = 0
    lost: int = 0
    doubled: int = 0
    aliases_wrong: int = 0
    audit_wrong: int = 0
    unexplained: int = 0
    queued: int = 0
    first_s: float = 0.0
    drained_s: float = 0.0
    # What the queue cost MLflow, worker and portal together, and how busy the machine was else.
    drained_cpu_s: float = 0.0
    load: float = 0.0

    def plain(self) -> dict[str, Any]:
        """As it is printed."""
        return asdict(self)

    @property
    def is_right(self) -> bool:
        """Whether each approval was carried out once, and the record says so."""
        wrong = (self.lost, self.doubled, self.aliases_wrong, self.audit_wrong, self.unexplained)
        return wrong == (0, 0, 0, 0, 0)

    @property
    def is_quick(self) -> bool:
        """Whether the queue was carried out in the time that is promised."""
        return self.first_s <= FIRST_S and self.drained_s <= DRAINED_S


class Drill:
    """One database with its MLflow, its portals and its workers.

    `kept` is the folder of a server filled by `stock`; `machine` is held by whoever works, and by
    nobody while MLflow is merely away.
    """

    def __init__(
        self,
        folder: Path,
        kept: Path,
        logged: Logged,
        size: Size,
        *,
        machine: Lock,
        url: str = "",
    ) -> None:
        self._size = size
        self._machine = machine
        self._chance = random.Random(size.seed)  # noqa: S311 - so that it can be seen again
        stock.copy(kept, folder / "mlflow")
        self._server = guarded(
            folder / "mlflow",
            COUNTERSIGN_GUARD_PUBLIC_KEY=TicketOffice(folder / "keys", SystemClock()).public_key(),
            COUNTERSIGN_GUARD_ALIASES=",".join(ALIASES),
        )
        self._workshop = Workshop(folder, self._server, logged, url)
        self._workshop.environment["MIRROR_SECONDS"] = "30"
        self._nurseries: dict[str, Program] = {}
        self._began = time.monotonic()

    def run(self) -> Outcome:
        """From the first request to the comparison."""
        with ExitStack() as stack:
            stack.callback(self._server.stop)
            stack.callback(self._workshop.close)
            with self._machine:
                self._server.start()
                self._server.wait()
                numbers = self._ask()
                for kind in self._size.points:
                    self._nurseries[kind] = self._nursery(kind)
                    stack.callback(self._nurseries[kind].kill)
                before, later = numbers[: self._size.before], numbers[self._size.before :]
                self._wait_for_review()
                self._say(f"{len(numbers)} requests are in review")
                self._approve(before)
                self._wait_for_applied(len(before))
                self._say(f"{len(before)} are carried out")
                self._server.stop()
                gone = time.monotonic()
                self._approve(later)
                self._say(f"{len(later)} more are approved while MLflow is away")
            while (left := gone + self._size.down_s - time.monotonic()) > 0:
                time.sleep(left)
            with self._machine:
                return self._return(len(before), len(later))

    def _return(self, before: int, queued: int) -> Outcome:
        self._server.start()
        self._server.wait()
        back, spent = time.monotonic(), self._cpu_seconds()
        self._wait_for_applied(before + 1)
        first = time.monotonic() - back
        self._wait_for_applied(before + queued)
        drained, spent = time.monotonic() - back, self._cpu_seconds() - spent
        self._say(f"MLflow is back: the first after {first:.1f} s, the last after {drained:.1f} s")
        until(self._all_were_killed, "each point was reached", within=_LONG_S)
        outcome = self._compared()
        outcome.queued = queued
        outcome.first_s, outcome.drained_s = round(first, 1), round(drained, 1)
        outcome.drained_cpu_s, outcome.load = round(spent, 1), round(os.getloadavg()[0], 1)
        for nursery in self._nurseries.values():
            assert "ended by itself" not in nursery.said, nursery.said
            outcome.points.update(_killed(nursery))
        outcome.kills = sum(outcome.points.values())
        return outcome

    # -- the steps --------------------------------------------------------------------------------

    def _ask(self) -> list[str]:
        """Ann asks for everything. Returns the requests' numbers in a random order."""
        at, portal = self._workshop, self._workshop.portal
        portal.mirror.crawl(by=MIRROR)
        slug = portal.settings.server_slug
        portal.authorship.map_user(slug, AUTHOR, at.cast.ann.id, by=at.cast.grace)
        asked = []
        for number in range(self._size.models):
            model = portal.models.find(stock.named(number), by=at.cast.grace)
            portal.models.classify(
                model.id,
                by=at.cast.grace,
                owner_id=at.cast.ann.id,
                domain="Insurance",
                task="binary classification",
            )
            version = portal.models.version(model, 2)
            for alias in ALIASES:
                request = portal.requests.request(version.id, alias, "More.", by=at.cast.ann)
                asked.append(request.number)
        self._say(f"{len(asked)} requests are asked for")
        self._chance.shuffle(asked)
        return asked[: self._size.before + self._size.approvals]

    def _nursery(self, kind: str) -> Program:
        drills = []
        for turn in range(self._size.kills):
            points = list(self._size.points[kind])
            self._chance.shuffle(points)
            # The last ones die late: among what has waited for MLflow.
            is_last = turn == self._size.kills - 1
            often = max(_OFTEN, self._size.approvals // 40) if is_last else _OFTEN
            drills += [f"{point}*{self._chance.randint(1, often)}" for point in points]
        return Program(
            "tests.faults.nursery", kind, *drills, environment=self._workshop.environment
        )

    def _approve(self, numbers: list[str]) -> None:
        """Bob approves over the API, and again where a portal died before it could answer."""
        at = self._workshop
        _, secret = at.portal.tokens.issue("drill", by=at.cast.bob)
        with httpx.Client(
            base_url=f"{at.portal.settings.local_url}/api/v1",
            headers={"Authorization": f"Bearer {secret}"},
            trust_env=False,
            timeout=60,
        ) as api:
            for number in numbers:
                until(lambda: self._is_approved(api, number), f"{number} is approved")  # noqa: B023

    @staticmethod
    def _is_approved(api: httpx.Client, number: str) -> bool:
        decision = {"decision": "approve", "reason": "I read the numbers."}
        try:
            answer = api.post(f"/release-requests/{number}/decision", json=decision)
            if answer.is_success:
                return True
            # Whoever was not answered is told that it is done already.
            assert answer.json()["error"] == "wrong-state", answer.text
            found = api.get(f"/release-requests/{number}")
        except httpx.TransportError:
            return False
        assert found.json()["state"] == "Approved", found.text
        return True

    # -- looking ----------------------------------------------------------------------------------

    def _wait_for_review(self) -> None:
        left = "SELECT COUNT(*) FROM release_request WHERE state = 'Pending review'"
        until(lambda: self._count(left) == 0, "everything can be decided", within=_LONG_S)

    def _wait_for_applied(self, number: int) -> None:
        where = "SELECT COUNT(*) FROM promotion WHERE state = 'Applied'"
        until(
            lambda: self._count(where) >= number,
            f"{number} promotions are applied",
            within=_LONG_S,
        )

    def _count(self, query: str) -> int:
        ((found,),) = self._workshop.portal.store.rows(query)
        return int(found)

    def _all_were_killed(self) -> bool:
        return all(
            sum(_killed(self._nurseries[kind]).values()) == len(points) * self._size.kills
            for kind, points in self._size.points.items()
        )

    def _cpu_seconds(self) -> float:
        """The CPU that MLflow, the portals and the workers have used, the killed ones included."""
        groups = {self._server.group, *(one.process.pid for one in self._nurseries.values())}
        ticks = 0
        for process in Path("/proc").iterdir():
            if process.name.isdecimal():
                with suppress(OSError):
                    fields = (process / "stat").read_text().rpartition(")")[2].split()
                    if int(fields[2]) in groups:
                        # Its own in both modes, and that of its children that have ended.
                        ticks += sum(map(int, fields[11:15]))
        return ticks / os.sysconf("SC_CLK_TCK")

    def _compared(self) -> Outcome:
        """Each approval against the outbox, the record, MLflow, and what its database remembers."""
        store = self._workshop.portal.store
        approved = store.rows(
            "SELECT r.id, m.name, r.alias, r.version_number FROM release_request r "
            "JOIN model m ON m.id = r.model_id WHERE r.state = 'Approved'"
        )
        applied = Counter(
            row[0] for row in store.rows("SELECT request_id FROM promotion WHERE state = 'Applied'")
        )
        recorded = {act: self._recorded(act) for act in ("release:approve", "promotion:apply")}
        moved = stock.moves(self._server.database)
        spent = stock.tickets(self._server.database)
        models = self._server.client.search_registered_models(max_results=1000)
        now = {
            (model.name, alias): int(number)
            for model in models
            if model.name.startswith(stock.NAMES)
            for alias, number in model.aliases.items()
        }
        outcome = Outcome(approvals=self._size.before + self._size.approvals)
        outcome.lost = outcome.approvals - len(approved)
        for one in approved:
            place = (one.name, one.alias)
            times = [applied[one.id], moved[place], spent[place]]
            times += [found[f"request:{one.id}"] for found in recorded.values()]
            outcome.lost += min(times) == 0
            outcome.doubled += max(times) > 1
            outcome.aliases_wrong += now[place] != one.version_number
        asked = {(one.name, one.alias) for one in approved}
        # What nobody approved points where it did.
        outcome.aliases_wrong += sum(n != 1 for key, n in now.items() if key not in asked)
        (trail,) = store.rows(
            "SELECT MIN(sequence) first, MAX(sequence) last, COUNT(*) number FROM audit_record"
        )
        outcome.audit_wrong = (trail.first - 1) + (trail.last - trail.number)
        outcome.audit_wrong += sum(
            number != 1 for found in recorded.values() for number in found.values()
        )
        # Each move is explained by its approval, whenever the worker that made it was killed.
        ((outcome.unexplained,),) = store.rows("SELECT COUNT(*) FROM finding")
        return outcome

    def _recorded(self, act: str) -> Counter[str]:
        """How often an act was done, by what it was done to."""
        found = self._workshop.portal.store.rows(
            "SELECT resource FROM audit_record WHERE act = :act AND outcome = 'done'", act=act
        )
        return Counter(row[0] for row in found)

    def _say(self, what: str) -> None:
        kind = self._workshop.portal.store.url.get_backend_name()
        at = datetime.now(UTC).strftime("%H:%M:%S")
        print(f"{at} {kind}: {what} ({time.monotonic() - self._began:.0f} s)", flush=True)


def _killed(nursery: Program) -> Counter[str]:
    """How many children of a nursery were killed, by the point they were at."""
    lines = [line.split() for line in nursery.said.splitlines()]
    return Counter(
        words[2].partition("*")[0] for words in lines if words[:1] == ["killed"] and len(words) == 3
    )
