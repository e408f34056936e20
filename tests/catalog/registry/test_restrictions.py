"""A restricted model: who restricts it, and that nothing but its summary reaches who is kept out.

The two walks open every route of the API and every page of the navigation as somebody who may know
of the model and is not let in. Each was seen to show details before the model was restricted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import product
from typing import Any, Final

import pytest
from sqlmodel import col, select
from starlette.testclient import TestClient

from app.api import create_api
from app.panels.model import TABS
from app.screens import PAGES
from auth.access import decide
from auth.actors import EVERYTHING, Actor, Scope
from auth.permissions import Role
from catalog.applications.consumers import Relies
from catalog.monitoring.telemetry import Prediction
from catalog.registry.locked import Locked
from catalog.registry.models import resource
from catalog.registry.search.questions import Order, Question, Range
from catalog.registry.tables import ModelRow
from catalog.registry.visible import FINDABLE, VISIBLE, seen_by
from ledger.errors import Conflict, Invalid, NotFound, Refused
from tests.api.test_release_story import client
from tests.cast import AT, LENDING, SYSTEM, House
from tests.screens import Screens

BECAUSE = "Its parameters would help people to game it."
# What only somebody who is let in may read, as it stands on screens and in answers.
DETAILS: Final = re.compile(
    r"roc_auc|AUC \d|lending-holdout|lending-train|newest quarter|Better on|secret-tag|depth"
    r"|champion v1|RR-2026|Loan desk|\bver_[a-z0-9]+|\breq_[a-z0-9]+|7a31|e1f0"
)


def kept(house: House) -> str:
    """A model with all there is to know about one, in whose domain Dave is a viewer."""
    house.mlflow.register("credit-pd", "Probability that a loan defaults.", reviewed="secret-tag")
    model = house.credit()
    house.portal.grants.give(house.dave.id, Role.VIEWER, LENDING, by=SYSTEM)
    house.portal.consumers.register(
        model.id,
        Relies("champion", "Answers.", "it@x"),
        by=house.alice,
        application_id=house.robot.id,
    )
    called = Prediction("p1", AT, "credit-pd", 1, "approve", 8.0)
    house.portal.telemetry.report([called], by=house.robot)
    house.asked()
    return model.id


def restrict(house: House, model_id: str) -> None:
    house.portal.restrictions.restrict(model_id, BECAUSE, by=house.alice)
    house.index()


# -- who restricts ---------------------------------------------------------------------------------


def test_the_owner_and_a_governance_admin_restrict_and_open_and_nobody_else(
    small_house: House,
) -> None:
    model_id = kept(small_house)
    other_owner = small_house.join("olaf", Role.MODEL_OWNER, LENDING)
    desk = small_house.portal.restrictions
    for by in (small_house.bob, small_house.carol, small_house.dave, small_house.erik, other_owner):
        assert not desk.may_restrict(small_house.model().resource, by=by)
        with pytest.raises(Refused):
            desk.restrict(model_id, BECAUSE, by=by)
    with pytest.raises(NotFound):
        desk.restrict(model_id, BECAUSE, by=small_house.join("ines"))
    restrict(small_house, model_id)
    with pytest.raises(Conflict) as twice:
        desk.restrict(model_id, BECAUSE, by=small_house.grace)
    assert twice.value.code == "restricted-already"
    for by in (small_house.bob, small_house.erik):
        with pytest.raises(Refused):
            desk.lift(model_id, "Enough.", by=by)
    for by in (small_house.carol, small_house.dave, other_owner):
        with pytest.raises(NotFound):
            desk.lift(model_id, "Enough.", by=by)
    desk.lift(model_id, "Enough.", by=small_house.grace)
    with pytest.raises(Conflict):
        desk.lift(model_id, "Enough.", by=small_house.alice)
    with pytest.raises(Invalid):
        desk.restrict(model_id, "", by=small_house.alice)
    told = small_house.records("model:restrict", outcome="done")
    assert [(one.actor, one.texts["reason"]) for one in told] == [(small_house.alice.id, BECAUSE)]


def test_no_model_is_restricted_before_somebody_says_so(house: House) -> None:
    kept(house)
    assert house.portal.models.find("credit-pd", by=house.dave).restricted_at is None
    assert house.portal.models.find("credit-pd", by=house.carol).aliases


# -- the law, once in Python and once in SQL -------------------------------------------------------


def test_the_condition_of_a_query_says_what_the_law_says_of_everybody_and_every_model(
    house: House,
) -> None:
    names = [f"m{number}" for number in range(6)]
    for number, name in enumerate(names):
        house.mlflow.register(name)
        house.mirror()
        domain = ("Lending", "Cards")[number % 2]
        owner = (house.alice, house.bob, house.carol)[number % 3]
        model = house.model(name)
        house.portal.models.classify(
            model.id, by=house.grace, owner_id=owner.id, domain=domain, task="regression"
        )
        if number < 4:
            house.portal.restrictions.restrict(model.id, BECAUSE, by=house.grace)
    scopes = (EVERYTHING, LENDING, Scope("domain", "Cards"), Scope("model", house.model("m0").id))
    everybody = [house.who(name) for name in ("alice", "bob", "carol", "dave", "erik", "grace")]
    roles = (Role.VIEWER, Role.MODEL_OWNER, Role.INDEPENDENT_VALIDATOR)
    for number, (scope, role) in enumerate(product(scopes, roles)):
        everybody.append(house.join(f"p{number}", role, scope))
    everybody += [house.robot, SYSTEM]
    with house.portal.store.read() as database:
        rows = database.exec(select(ModelRow)).all()
        for by in everybody:
            for permission, condition in (
                ("model:find", FINDABLE),
                ("model:read", VISIBLE),
                ("release:read", VISIBLE),
            ):
                found = database.exec(
                    select(ModelRow.name).where(condition).order_by(col(ModelRow.name)),
                    params=seen_by(by, permission),
                ).all()
                said = sorted(row.name for row in rows if decide(by, permission, resource(row)))
                assert list(found) == said, (by.name, permission)


def test_a_restricted_model_is_found_by_its_summary_and_shows_no_more(house: House) -> None:
    model_id = kept(house)
    restrict(house, model_id)
    hidden = Question(verbatim=True, text="secret-tag")

    def hits(question: Question, by: Actor, order: Order = Order.BEST_MATCH) -> list[Any]:
        return list(house.portal.finder.find(question, by=by, order=order).hits)

    for words in ("credit-pd", "loan defaults", "Lending", "alice"):
        (hit,) = hits(Question(words), house.dave)
        assert hit.is_locked
        assert (hit.model.tags, hit.model.aliases, hit.metrics) == ({}, (), ())
        assert (hit.number, hit.key) == (None, None)
    for by in (house.dave, house.bob):
        assert hits(hidden, by) == []
    (inside,) = hits(Question("credit-pd"), house.bob)
    assert (inside.is_locked, inside.model.alias("champion").number) == (False, 1)
    counted = house.portal.finder.find(Question(), by=house.dave).facets
    assert counted["domain"] == (("Lending", 1),)
    assert [counted[facet] for facet in ("live", "tag", "data") if facet in counted] == [
        () for facet in ("live", "tag", "data") if facet in counted
    ]
    house.portal.restrictions.lift(model_id, "Nothing to hide.", by=house.alice)
    house.index()
    assert [hit.is_locked for hit in hits(hidden, house.dave)] == [False]


def test_what_may_be_known_of_it_is_its_summary(house: House) -> None:
    model_id = kept(house)
    restrict(house, model_id)
    with pytest.raises(Locked) as refusal:
        house.portal.models.find("credit-pd", by=house.dave)
    summary = refusal.value.summary
    assert (summary.name, summary.domain, summary.owner_id) == (
        "credit-pd",
        "Lending",
        house.alice.id,
    )
    assert (summary.description, summary.restricted_why) == (
        "Probability that a loan defaults.",
        BECAUSE,
    )
    assert house.portal.models.know("credit-pd", by=house.dave) == summary
    with pytest.raises(Locked):
        house.portal.models.get(model_id, by=house.dave)
    with pytest.raises(NotFound):
        house.portal.models.know("credit-pd", by=house.join("ines"))


# -- every route -----------------------------------------------------------------------------------


def _ways(api: TestClient, house: House) -> Iterator[tuple[str, Any]]:
    """An answer of every route of the API, asked about the one model there is."""
    version = house.version(1)
    ids = {
        "name": "credit-pd",
        "version": "1",
        "alias": "champion",
        "number": "1",
        "revision": "1",
        "request_id": house.portal.requests.listing(by=house.bob)[0].id,
        "consumer_id": house.portal.consumers.of(version.model_id, by=house.bob)[0].id,
        "model_id": version.model_id,
        "version_id": version.id,
    }
    asked = {
        "/models": {"q": "credit"},
        "/models/{name}/compare": {"left": "1", "right": "2"},
    }
    said = {"model": "credit-pd", "version": 2, "alias": "shadow", "reason": "Better on it."}
    bodies: dict[str, Any] = {
        "/release-requests": said,
        "/release-requests/{request_id}/decision": {"decision": "reject", "reason": "No."},
        "/release-requests/{request_id}/withdrawal": {"reason": "No."},
        "/consumers": {
            "model": "credit-pd",
            "alias": "shadow",
            "purpose": "Mine.",
            "contact": "me",
        },
    }
    for path, methods in create_api(house.portal).openapi()["paths"].items():
        if path in {"/access-requests", "/audit"}:
            continue
        at = re.sub(r"\{(\w+)\}", lambda part: ids.get(part[1], "none"), path)
        for method in methods:
            said_in_it = None if method == "get" else bodies.get(path, {})
            answer = api.request(method.upper(), at, params=asked.get(path), json=said_in_it)
            yield f"{method.upper()} {path}", answer


def test_no_route_of_the_api_shows_a_restricted_model_to_who_is_kept_out(
    small_house: House,
) -> None:
    model_id = kept(small_house)
    small_house.portal.grants.give(small_house.dave.id, Role.BUSINESS_OWNER, LENDING, by=SYSTEM)
    api = client(small_house, small_house.dave)
    open_before = {way for way, answer in _ways(api, small_house) if DETAILS.search(answer.text)}
    for way in (
        "GET /models",
        "GET /models/{name}",
        "GET /models/{name}/versions/{version}",
        "GET /models/{name}/aliases/{alias}",
        "GET /models/{name}/consumers",
        "GET /models/{name}/compare",
        "GET /release-requests",
        "GET /release-requests/{request_id}",
    ):
        assert way in open_before
    restrict(small_house, model_id)
    for way, answer in _ways(api, small_house):
        told = DETAILS.search(answer.text)
        # A refusal may repeat what the caller wrote, never what the caller did not know.
        assert answer.status_code != 500, way
        # The law names metrics to everybody, and no model.
        is_known = way == "GET /policies" or (told and told[0] in str(answer.request.url))
        assert told is None or is_known, (way, answer.text)
    about = api.get("/models/credit-pd").json()
    assert about == {
        "id": model_id,
        "name": "credit-pd",
        "server": "main",
        "workspace": about["workspace"],
        "description": "Probability that a loan defaults.",
        "domain": "Lending",
        "task": "binary classification",
        "owner": "Alice Norrland",
        "restricted": True,
        "restricted_because": BECAUSE,
        "access": "ask",
    }


# -- every page ------------------------------------------------------------------------------------


def _visits(house: House) -> list[tuple[str, dict[str, str]]]:
    number = house.portal.requests.listing(by=house.bob)[0].number
    of = {"name": "credit-pd"}
    more = {
        "model": [{**of, "tab": tab} for tab in TABS],
        "discover": [{}, {"q": "credit"}, {"sort": "Best measured"}],
        "release": [{"id": number}],
        "impact": [{}, {"model": "credit-pd"}],
        "inbox": [{}, {"show": "I follow"}, {"show": "Done"}],
    }
    return [(one.key, query) for one in PAGES for query in more.get(one.key, [{}, of])]


def test_no_page_shows_a_restricted_model_to_who_is_kept_out(on_screen: House) -> None:
    model_id = kept(on_screen)
    on_screen.portal.grants.give(on_screen.dave.id, Role.MODEL_DEVELOPER, LENDING, by=SYSTEM)
    here = Screens(on_screen, on_screen.dave)
    visits = _visits(on_screen)
    open_before = {key for key, query in visits if DETAILS.search(here.reads(key, **query))}
    assert {
        "model",
        "compare",
        "lineage",
        "discover",
        "releases",
        "release",
        "request",
    } <= open_before
    restrict(on_screen, model_id)
    for key, query in visits:
        said = here.reads(key, **query)
        if key == "policies":
            said = said.replace("roc_auc", "")  # the law names metrics to everybody, and no model
        assert (told := DETAILS.search(said)) is None, (key, query, told, said[-2000:])
    assert "This model is restricted" in here.reads("model", name="credit-pd")
    assert "Probability that a loan defaults." in here.reads("model", name="credit-pd")


def test_no_facet_and_no_range_counts_a_model_from_the_moment_it_is_restricted(
    small_house: House,
) -> None:
    """The index is not brought up to date in between."""
    model_id = kept(small_house)
    small_house.index()
    finder, dave = small_house.portal.finder, small_house.dave
    measured = Question(range=Range("roc_auc", 0.0, 1.0))

    def facets() -> dict[str, tuple[tuple[str, int], ...]]:
        found = finder.find(Question(""), by=dave).facets
        return {name: found[name] for name in ("tag", "data", "live")}

    assert all(facets().values())
    assert finder.find(measured, by=dave).total == 1
    small_house.portal.restrictions.restrict(model_id, BECAUSE, by=small_house.alice)
    assert not any(facets().values())
    assert finder.find(measured, by=dave).total == 0
    assert finder.find(Question("credit-pd"), by=dave).total == 1


def test_discover_counts_no_model_that_one_may_not_find(small_house: House) -> None:
    small_house.credit()
    small_house.mlflow.register("churn")
    small_house.mirror()
    small_house.portal.grants.give(small_house.dave.id, Role.VIEWER, LENDING, by=SYSTEM)
    size = small_house.portal.finder.size
    assert [size(by=by) for by in (small_house.grace, small_house.dave, small_house.erik)] == [
        2,
        1,
        finder_total(small_house, small_house.erik),
    ]


def finder_total(house: House, by: Actor) -> int:
    return house.portal.finder.find(Question(""), by=by).total
