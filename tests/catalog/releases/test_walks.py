"""Any walk over the states of a request, also with two who act at once, ends where the table leads.

States and verbs are read from the table. Of two acts at the same moment the outcome must be that of
one order or of the other, and whoever comes second is told why; an approval that was given is
carried out once, also by a worker that slept through its lease.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final, NamedTuple

import pytest
from hypothesis import HealthCheck, Phase, assume, event, example, given, settings
from hypothesis import strategies as st

from app.worker import MIRROR, RELEASES
from auth.actors import Actor
from catalog.registry.artifacts import Manifest, manifest_of
from catalog.releases.decisions.conditions import Condition
from catalog.releases.promotions.promotions import LEASE, POINTS, WITHIN
from catalog.releases.states import AGREEING, STANDING, TRANSITIONS, PromotionState, State, Verb
from ledger.errors import CountersignError
from ledger.trail import Filter
from tests.at_once import at_once
from tests.cast import LENDING, WHY, House

START: Final = State.PENDING_REVIEW
# Nobody's button: an approval turns into it when something changed since the request was read.
VERBS: Final = sorted({verb for _, verb in TRANSITIONS} - {Verb.SEND_BACK})
# What the worker finds too late is no fault of anybody.
SILENT: Final = frozenset({Verb.COLLECT, Verb.EXPIRE, Verb.FULFIL})
EVIDENCE: Final = "new evidence"
WAITING: Final = "nothing is done for months"
# Where a worker can sleep: it holds no transaction open meanwhile.
SLEEPS: Final = [one for one in POINTS if one not in WITHIN and one != POINTS[-1]]
# The states that somebody can still do something about.
LEFT: Final = sorted({state for state, _ in TRANSITIONS})
MOVES: Final = st.sampled_from([*VERBS, EVIDENCE])
# Due before anybody has waited too long.
CONDITION: Final = "Write down how it is watched."
EXAMPLES: Final = 20


def path_to(wanted: State) -> list[Verb]:
    """The verbs of a shortest way to a state, found in the table."""
    ways: dict[State, list[Verb]] = {START: []}
    waiting = [START]
    while waiting:
        here = waiting.pop(0)
        for (state, verb), there in TRANSITIONS.items():
            if state is here and verb is not Verb.SEND_BACK and there not in ways:
                ways[there] = [*ways[here], verb]
                waiting.append(there)
    return ways[wanted]


class Standing(NamedTuple):
    """Where a request stands, and whether what is known is other than what it is bound to."""

    state: State
    is_stale: bool


def after(here: Standing, move: str) -> tuple[Standing, str]:
    """Where a move must lead by the table, and what whoever made it must be told."""
    if move == EVIDENCE:
        return here._replace(is_stale=True), ""
    if move == WAITING:
        # The worker's part: what nobody did anything about is closed, what was not met lapses.
        ends = (Verb.EXPIRE, Verb.REVOKE) if here.state is not State.APPROVED else ()
        found = [TRANSITIONS[here.state, one] for one in ends if (here.state, one) in TRANSITIONS]
        return Standing(found[0], here.is_stale) if found else here, ""
    verb = Verb(move)
    if verb in AGREEING and here.is_stale and (here.state, verb) in TRANSITIONS:
        return Standing(TRANSITIONS[here.state, Verb.SEND_BACK], False), "changed-since-review"
    there = TRANSITIONS.get((here.state, verb))
    if there is None:
        return here, "" if verb in SILENT else "wrong-state"
    # Whatever leads to or out of the first state binds the request anew.
    return Standing(there, here.is_stale and START not in {here.state, there}), ""


@dataclass
class Desk:
    """The release desk with everybody who acts at it, and versions nobody has asked for yet."""

    house: House
    alice: Actor
    bob: Actor
    ines: Actor
    manifest: Manifest
    numbers: Iterator[int]
    pieces: int = 0
    seen: set[tuple[State, str]] = field(default_factory=set)


@pytest.fixture
def desk(house: House, tmp_path: Path) -> Desk:
    house.credit(aucs=(0.80,) * (EXAMPLES + 1))
    seen = house.mlflow.version("credit-pd", 1)
    with tempfile.TemporaryDirectory(dir=tmp_path) as folder:
        manifest = manifest_of(house.mlflow.download(seen, Path(folder)))
    ines = house.join("ines", house.bob.roles[0].role, LENDING)
    return Desk(house, house.alice, house.bob, ines, manifest, _numbers(house))


def _numbers(house: House) -> Iterator[int]:
    """Versions in their order; when all were asked for, another one is made."""
    known = max(house.mlflow.numbers("credit-pd"))
    for number in range(2, 1000):
        if number > known:
            house.credit(aucs=(0.80,), champion=None)
        yield number


class Walk:
    """One request on its way."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.requests = desk.house.portal.requests
        self.number = next(desk.numbers)
        self.version = desk.house.version(self.number)
        self.id = self.requests.request(self.version.id, "champion", WHY, by=desk.alice).id
        self.here = Standing(START, False)
        self.told: list[str] = []

    def act(self, move: str, approver: Actor) -> Callable[[], object]:
        """How a move is made, by somebody who may make it where the table leads on."""
        requests, alice = self.requests, self.desk.alice
        if move == EVIDENCE:
            self.desk.pieces += 1
            says = {"check": f"check {self.desk.pieces}", "passed": True}
            evidence = self.desk.house.portal.evidence
            return lambda: evidence.attach(self.version.id, "check", says, by=alice)
        if move == WAITING:
            return self._look_at_the_calendar
        verb = Verb(move)
        asked, approvals = self._conditions(verb), self.desk.house.portal.approvals
        if verb is Verb.FULFIL and self.here.state is State.CONDITIONALLY_APPROVED:
            self._meet_conditions()
        return {
            Verb.COLLECT: lambda: requests.collected(self.id, self.desk.manifest, by=RELEASES),
            Verb.EXPIRE: lambda: requests.expire(self.id, WHY, by=RELEASES),
            Verb.WITHDRAW: lambda: requests.withdraw(self.id, WHY, by=alice),
            Verb.RESUBMIT: lambda: requests.resubmit(self.id, WHY, by=alice),
            Verb.REVOKE: lambda: approvals.revoke(self.id, WHY, by=approver),
            Verb.FULFIL: lambda: approvals.fulfil(self.id, by=RELEASES),
        }.get(
            verb,
            lambda: self.desk.house.portal.decisions.decide(
                self.id, verb, WHY, conditions=asked, by=approver
            ),
        )

    def _conditions(self, verb: Verb) -> list[Condition]:
        if verb is not Verb.APPROVE_WITH_CONDITIONS:
            return []
        return [Condition(CONDITION, (self.desk.house.clock.now() + timedelta(days=3)).date())]

    def _look_at_the_calendar(self) -> None:
        self.requests.expire_overdue(by=RELEASES)
        self.desk.house.portal.approvals.revoke_overdue(by=RELEASES)

    def _meet_conditions(self) -> None:
        """Alice does what an approval asked for, and Bob looks."""
        desk, findings = self.desk, self.desk.house.portal.findings
        for one in self.requests.sheet(self.id, by=desk.bob).findings:
            findings.remedy(one.id, "It is in the card.", by=desk.alice)
            findings.close(one.id, "I read it.", by=desk.bob)

    def make(self, move: str) -> None:
        """One move; it leads where the table says."""
        self.desk.seen.add((self.here.state, move))
        if move == WAITING:
            policy = self.requests.sheet(self.id, by=self.desk.bob).policy
            self.desk.house.clock.advance(timedelta(days=policy.limits.expire_after_days))
        problem = _problem(self.act(move, self.desk.bob))
        before, (self.here, told) = self.here, after(self.here, move)
        state = self.requests.get(self.id, by=self.desk.alice).state
        assert (state, _code(problem)) == (self.here.state, told), f"{move} from {before}"
        self._is_told(problem)

    def make_at_once(self, one: str, other: str) -> None:
        """Two moves at the same moment: the outcome is that of one order or of the other."""
        self.desk.seen |= {(self.here.state, one), (self.here.state, other)}
        acts = [self.act(one, self.desk.bob), self.act(other, self.desk.ines)]
        outcomes = at_once(self.desk.house.portal.ledger, acts)
        told = (_code(outcomes[0]), _code(outcomes[1]))
        between, first = after(self.here, one)
        there, second = after(between, other)
        possible = {((first, second), there)}
        between, first = after(self.here, other)
        there, second = after(between, one)
        possible.add(((second, first), there))
        state = self.requests.get(self.id, by=self.desk.alice).state
        found = {way for words, way in possible if words == told and way.state is state}
        assert found, f"{one} and {other} from {self.here} led to {state}, told {told}"
        # Of both orders the words may be the same, and what was bound another: the sheet says.
        stale = self.requests.sheet(self.id, by=self.desk.bob).changed_since
        self.here = next(way for way in found if len(found) == 1 or way.is_stale is stale)
        for outcome in outcomes:
            self._is_told(outcome if isinstance(outcome, CountersignError) else None)

    def _is_told(self, problem: CountersignError | None) -> None:
        if problem is not None:
            assert problem.message
            assert problem.hint
            self.told.append(problem.code)

    def end(self, sleeps_at: str) -> None:
        """What was approved is carried out once, whoever sleeps; the record says all that was."""
        request = self.requests.get(self.id, by=self.desk.alice)
        agreed = [one for one in request.decisions if one.verb in AGREEING]
        assert len(agreed) <= 1
        assert (request.promotion is not None) == bool(agreed)
        waits = request.promotion is not None and request.promotion.state is PromotionState.QUEUED
        assert waits == (self.here.state in STANDING)
        if waits:
            self._carry_out(sleeps_at)
        wanted = Filter(resource=f"request:{self.id}")
        records = self.desk.house.portal.audits.listing(wanted, by=self.desk.house.erik, limit=500)
        refused = [one.reason for one in records if one.outcome == "refused"]
        refused = [one for one in refused if one != "lease-lost"]
        # What went back because something changed is an act that was done.
        assert sorted(refused) == sorted(one for one in self.told if one != "changed-since-review")
        done = [one.act for one in records if one.outcome == "done"]
        assert sum(act.startswith("promotion:") for act in done) == waits

    def _carry_out(self, sleeps_at: str) -> None:
        house = self.desk.house
        before = house.mlflow.alias("credit-pd", "champion")
        slept: list[str] = []

        def sleep(point: str) -> None:
            if point == sleeps_at:
                slept.append(point)
                house.clock.advance(LEASE)
                assert house.portal.promotions.carry_out_next("worker-2", by=RELEASES)

        problem = _problem(
            lambda: house.portal.promotions.carry_out_next("worker-1", by=RELEASES, at_point=sleep)
        )
        assert (problem.code if problem else "") == ("lease-lost" if slept else "")
        event(f"a worker slept at {sleeps_at}" if slept else "no worker slept")
        done = self.requests.get(self.id, by=self.desk.alice).promotion
        assert done
        if self.here.is_stale:
            assert (done.state, done.code) == (PromotionState.FAILED, "changed-since-approval")
            assert house.mlflow.alias("credit-pd", "champion") == before
            return
        assert done.state is PromotionState.APPLIED, done
        assert house.mlflow.alias("credit-pd", "champion") == self.number
        house.portal.mirror.refresh("credit-pd", by=MIRROR)


def _problem(act: Callable[[], object]) -> CountersignError | None:
    try:
        act()
    except CountersignError as problem:
        return problem
    return None


def _code(outcome: object) -> str:
    return outcome.code if isinstance(outcome, CountersignError) else ""


@settings(
    max_examples=EXAMPLES,
    phases=[Phase.explicit, Phase.generate],
    derandomize=True,
    deadline=None,
    database=None,
    # Each walk is about a version of its own; the house is the same for all.
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    state=st.sampled_from(LEFT),
    pair=st.tuples(MOVES, MOVES),
    more=st.lists(MOVES | st.just(WAITING), max_size=2),
    sleeps_at=st.sampled_from(SLEEPS),
)
@example(state=State.IN_REVIEW, pair=(Verb.APPROVE,) * 2, more=[], sleeps_at="claimed")
@example(state=State.IN_REVIEW, pair=(Verb.APPROVE, Verb.WITHDRAW), more=[], sleeps_at="sealed")
@example(state=State.IN_REVIEW, pair=(Verb.APPROVE, EVIDENCE), more=[], sleeps_at="ticketed")
def test_any_walk_also_of_two_at_once_leads_where_the_table_says_and_tells_the_other(
    desk: Desk, state: State, pair: tuple[str, str], more: list[str], sleeps_at: str
) -> None:
    # What finds nothing to do there does not even begin, so nobody could meet it.
    assume(Verb.FULFIL not in pair or state is State.CONDITIONALLY_APPROVED)
    walk = Walk(desk)
    for verb in path_to(state):
        walk.make(verb)
    walk.make_at_once(*pair)
    for move in more:
        walk.make(move)
    walk.end(sleeps_at)
