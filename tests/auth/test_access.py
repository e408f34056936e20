"""What a person may see and do: every role, every permission, every scope."""

from __future__ import annotations

from itertools import product

import pytest

from auth.access import (
    ANYTHING,
    Resource,
    covers,
    decide,
    insist_visible,
    may_anywhere,
    visible_scopes,
)
from auth.actors import EVERYTHING, NOBODY, Actor, HeldRole, Kind, Scope
from auth.permissions import GIVABLE_ROLES, PERMISSIONS, ROLE_PERMISSIONS, Role
from ledger.errors import NotFound, Refused

CREDIT = Resource("model", "mdl_credit", "Lending", is_restricted=False)
FRAUD = Resource("model", "mdl_fraud", "Cards", is_restricted=False)
UNSORTED = Resource("model", "mdl_new", is_restricted=False)

# A scope -> what it covers of (credit, fraud, a model of no domain, everything).
SCOPES = {
    EVERYTHING: (True, True, True, True),
    Scope("domain", "Lending"): (True, False, False, False),
    Scope("domain", "Cards"): (False, True, False, False),
    Scope("domain", ""): (False, False, False, False),
    Scope("domain", "*"): (False, False, False, False),
    Scope("model", "mdl_credit"): (True, False, False, False),
    Scope("model", "mdl_new"): (False, False, True, False),
    Scope("model", "*"): (False, False, False, False),
    Scope("person", "mdl_credit"): (False, False, False, False),
}
RESOURCES = (CREDIT, FRAUD, UNSORTED, ANYTHING)
READ = {
    "access:ask",
    "comment:post",
    "explanation:read",
    "impact:read",
    "model:find",
    "model:read",
    "profile:request",
    "release:read",
    "use-case:read",
}
# The law once more, by hand: whoever changes it changes it in two places, and on purpose.
ALLOWED: dict[Role, set[str]] = {
    Role.VIEWER: READ,
    Role.BUSINESS_OWNER: READ
    | {
        "evidence:attest",
        "release:accept",
        "value:declare",
        "token:issue",
        "use-case:propose",
    },
    Role.MODEL_DEVELOPER: READ
    | {
        "evidence:attach",
        "evidence:attest",
        "explanation:request",
        "finding:remedy",
        "release:request",
        "release:withdraw",
        "authorship:claim",
        "card:write",
        "token:issue",
    },
    Role.MODEL_OWNER: READ
    | {
        "evidence:attach",
        "evidence:attest",
        "explanation:request",
        "finding:remedy",
        "release:roll-back",
        "release:request",
        "release:withdraw",
        "authorship:claim",
        "consumer:register",
        "model:stage:prepare",
        "card:write",
        "token:issue",
        "use-case:propose",
        "version:deprecate",
    },
    Role.INDEPENDENT_VALIDATOR: READ
    | {
        "evidence:attach",
        "evidence:attest",
        "explanation:request",
        "finding:assign",
        "finding:close",
        "finding:open",
        "release:revoke",
        "release:validate",
        "token:issue",
    },
    Role.APPROVER: READ
    | {
        "evidence:attach",
        "evidence:attest",
        "explanation:request",
        "finding:assign",
        "finding:close",
        "finding:open",
        "release:revoke",
        "release:roll-back",
        "release:decide",
        "token:issue",
    },
    Role.GOVERNANCE_ADMIN: READ
    | {
        "access:decide",
        "model:restrict",
        "application:register",
        "audit:read",
        "channel:add:team",
        "authorship:assign",
        "comment:remove",
        "consumer:register",
        "grant:give",
        "grant:take",
        "inventory:export",
        "inventory:import",
        "model:classify",
        "model:stage:prepare",
        "naming:publish",
        "person:add",
        "person:disable",
        "person:read",
        "policy:publish",
        "finding:assign",
        "finding:open",
        "release:revoke",
        "settings:read",
        "token:issue",
        "token:issue:application",
        "token:revoke",
        "use-case:accept",
        "use-case:propose",
        "version:deprecate",
    },
    Role.AUDITOR: READ
    | {
        "audit:read",
        "audit:export",
        "inventory:export",
        "person:read",
        "settings:read",
        "token:issue",
    },
    Role.SERVING_APPLICATION: {
        "access:ask",
        "consumer:register",
        "model:find",
        "model:read",
        "prediction:report",
    },
}


def holding(*held: tuple[Role, Scope]) -> Actor:
    return Actor("per_x", Kind.PERSON, "Xenia", roles=tuple(HeldRole(r, s) for r, s in held))


@pytest.mark.parametrize(
    ("role", "permission"),
    list(product([r for r in Role if r is not Role.SYSTEM], sorted(PERMISSIONS))),
)
def test_a_role_allows_what_the_table_says_where_it_was_given_and_nothing_elsewhere(
    role: Role, permission: str
) -> None:
    for scope, covered in SCOPES.items():
        for resource, is_covered in zip(RESOURCES, covered, strict=True):
            verdict = decide(holding((role, scope)), permission, resource)
            assert verdict.allowed == (permission in ALLOWED[role] and is_covered), (
                scope,
                resource,
            )


@pytest.mark.parametrize("permission", sorted(PERMISSIONS))
def test_somebody_without_a_role_may_do_nothing(permission: str) -> None:
    for actor, resource in product((NOBODY, holding()), RESOURCES):
        assert not decide(actor, permission, resource)
        assert not may_anywhere(actor, permission)
        assert visible_scopes(actor, permission) == ()


def test_no_role_that_is_given_to_people_both_asks_and_decides() -> None:
    both = {"release:request", "release:decide"}
    assert not [role for role in GIVABLE_ROLES if both <= ROLE_PERMISSIONS[role]]


def test_no_person_gets_what_the_worker_does() -> None:
    for role in GIVABLE_ROLES:
        assert not ROLE_PERMISSIONS[role] & {
            "evidence:collect",
            "notice:write",
            "promotion:carry-out",
            "mirror:write",
            "explanation:compute",
            "prediction:report",
            "profile:compute",
        }


def test_roles_add_up_each_on_its_own_scope() -> None:
    both = holding(
        (Role.APPROVER, Scope("domain", "Lending")), (Role.VIEWER, Scope("domain", "Cards"))
    )
    assert decide(both, "release:decide", CREDIT)
    assert decide(both, "model:read", FRAUD)
    assert not decide(both, "release:decide", FRAUD)


def test_a_verdict_says_which_role_allowed_it_or_which_it_takes() -> None:
    allowed = decide(holding((Role.APPROVER, Scope("domain", "Lending"))), "release:decide", CREDIT)
    assert (allowed.reason, allowed.code) == ("Xenia holds the role approver on Lending.", "ok")
    anywhere = decide(holding((Role.APPROVER, EVERYTHING)), "release:decide", CREDIT)
    assert anywhere.reason == "Xenia holds the role approver on everything."
    refused = decide(holding((Role.VIEWER, EVERYTHING)), "release:decide", CREDIT)
    assert refused.code == "no-role"
    assert "It takes one of the roles approver. " in refused.hint
    with pytest.raises(Refused) as told:
        refused.insist()
    assert (told.value.code, told.value.hint) == (refused.code, refused.hint)
    allowed.insist()


def test_whoever_may_do_it_nowhere_is_not_shown_the_way_and_a_query_finds_them_nothing() -> None:
    lending, cards = Scope("domain", "Lending"), Scope("domain", "Cards")
    both = holding((Role.VIEWER, lending), (Role.APPROVER, cards))
    assert may_anywhere(both, "release:decide")
    assert not may_anywhere(both, "policy:publish")
    assert visible_scopes(both, "model:read") == (lending, cards)
    assert visible_scopes(both, "release:decide") == (cards,)


def test_the_trail_names_what_an_act_is_about_by_its_kind_and_its_id() -> None:
    assert (str(CREDIT), str(ANYTHING)) == ("model:mdl_credit", "everything:*")


def test_a_permission_nobody_defined_is_a_bug_of_ours() -> None:
    with pytest.raises(ValueError, match="release:destroy"):
        decide(holding((Role.GOVERNANCE_ADMIN, EVERYTHING)), "release:destroy", CREDIT)


def test_what_a_person_may_not_see_is_not_there() -> None:
    with pytest.raises(NotFound, match="There is no such model"):
        insist_visible(holding(), "model:read", CREDIT, "such model")
    insist_visible(holding((Role.VIEWER, EVERYTHING)), "model:read", CREDIT, "such model")


def test_a_query_narrows_by_the_scopes_that_the_verdict_covers() -> None:
    for scope, resource in product(SCOPES, RESOURCES):
        actor = holding((Role.VIEWER, scope))
        scopes = visible_scopes(actor, "model:read")
        assert any(covers(one, resource) for one in scopes) == bool(
            decide(actor, "model:read", resource)
        )


# -- restricted models ----------------------------------------------------------------------------

KEPT = Resource("model", "mdl_credit", "Lending", "per_owner", is_restricted=True)
# Roles on everything or on the domain that no restriction keeps out.
PASSES = {
    Role.APPROVER,
    Role.AUDITOR,
    Role.GOVERNANCE_ADMIN,
    Role.INDEPENDENT_VALIDATOR,
}


@pytest.mark.parametrize("role", [r for r in Role if r is not Role.SYSTEM])
def test_a_restriction_keeps_out_whom_the_table_does_not_name_and_gives_nobody_more(
    role: Role,
) -> None:
    for permission, (scope, covered) in product(PERMISSIONS, SCOPES.items()):
        passes = role in PASSES or scope == Scope("model", "mdl_credit")
        outside = permission in {"access:ask", "model:find", "prediction:report"}
        covers_it = permission in ALLOWED[role] and covered[0]
        verdict = decide(holding((role, scope)), permission, KEPT)
        assert verdict.allowed == (covers_it and (passes or outside)), (permission, scope)
        if covers_it and not verdict:
            assert verdict.code == "restricted"


def test_an_owner_reads_their_restricted_model_by_the_roles_they_hold_and_no_others() -> None:
    held = (HeldRole(Role.MODEL_OWNER, Scope("domain", "Lending")),)
    owner = Actor("per_owner", Kind.PERSON, "Olga", roles=held)
    assert decide(owner, "model:read", KEPT)
    assert not decide(owner, "release:decide", KEPT)
    assert not decide(Actor("per_owner", Kind.PERSON, "Olga"), "model:read", KEPT)


def test_a_role_that_passes_elsewhere_does_not_pass_here() -> None:
    both = holding(
        (Role.APPROVER, Scope("domain", "Cards")),
        (Role.MODEL_DEVELOPER, Scope("domain", "Lending")),
    )
    assert decide(both, "model:find", KEPT)
    assert not decide(both, "model:read", KEPT)


def test_somebody_let_in_does_there_what_their_other_roles_allow() -> None:
    inside = holding(
        (Role.MODEL_DEVELOPER, Scope("domain", "Lending")),
        (Role.VIEWER, Scope("model", "mdl_credit")),
    )
    assert decide(inside, "release:request", KEPT)
    assert not decide(inside, "release:decide", KEPT)


def test_a_model_of_which_nobody_said_whether_it_is_restricted_is() -> None:
    unsaid = Resource("model", "mdl_credit", "Lending")
    assert not decide(holding((Role.VIEWER, EVERYTHING)), "model:read", unsaid)
    assert decide(holding((Role.VIEWER, EVERYTHING)), "model:find", unsaid)


def test_the_portal_itself_acts_by_the_same_table() -> None:
    worker = Actor.system("releases")
    assert decide(worker, "promotion:carry-out", ANYTHING)
    assert not decide(worker, "release:decide", CREDIT)
    assert not decide(worker, "release:request", CREDIT)
