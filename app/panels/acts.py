"""Acts, reasons and permissions in words: the trail's vocabulary as people say it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

ACTS: Final[Mapping[str, str]] = {
    "application:register": "Registered an application",
    "audit:export": "Exported the audit trail",
    "authorship:assign": "Linked an MLflow user to a person",
    "authorship:claim": "Claimed to have built a version",
    "card:publish": "Published a model card",
    "evidence:collect": "Read the files of a version",
    "explanation:compute": "Computed an explanation",
    "explanation:fail": "Gave up on an explanation",
    "explanation:request": "Asked for an explanation",
    "grant:give": "Gave a role",
    "grant:take": "Took a role back",
    "model:classify": "Classified a model",
    "model:stage": "Moved a model to another stage",
    "page:open": "Opened a page",
    "person:accept": "Accepted an invitation",
    "person:add": "Added a person",
    "person:disable": "Disabled a person",
    "person:enable": "Enabled a person",
    "person:invite": "Invited a person again",
    "person:password": "Set a password",
    "person:set-up": "Set up the first administrator",
    "person:set-up:offer": "Offered the set-up code",
    "prediction:report": "Reported calls",
    "promotion:apply": "Moved the alias in MLflow",
    "promotion:fail": "Stopped a promotion",
    "release:approve": "Approved a release",
    "release:expire": "Closed a request that cannot be decided",
    "release:reject": "Rejected a release",
    "release:request": "Asked for a release",
    "release:request-changes": "Asked for changes",
    "release:resubmit": "Sent a request again",
    "release:withdraw": "Withdrew a request",
    "session:end": "Signed out",
    "session:start": "Signed in",
    "token:issue": "Made a token",
    "token:issue:application": "Made a token for an application",
    "token:revoke": "Revoked a token",
    "use-case:accept": "Accepted an AI use case",
    "use-case:change": "Changed an AI use case",
    "use-case:close": "Closed an AI use case",
    "use-case:propose": "Proposed an AI use case",
    "value:declare": "Declared what an outcome is worth",
    "version:deprecate": "Deprecated a version",
    "version:reinstate": "Took a deprecation back",
    "watch:silence": "Silenced a model",
    "watch:start": "Began to watch something",
    "watch:stop": "Stopped watching something",
}

REASONS: Final[Mapping[str, str]] = {
    "already-live": "The version holds the alias already",
    "already-there": "The alias was there already",
    "applied": "",
    "applied-before": "Moved by an attempt that was interrupted",
    "alias-moved-since": "Somebody moved the alias since the approval",
    "alias-not-shown": "MLflow did not show the new alias",
    "artifacts-changed": "The files are not those that were approved",
    "asked-already": "The same was asked already",
    "author": "They built the version themselves",
    "bad-alias": "The name cannot be an alias",
    "card-changed-since": "Somebody published the card in between",
    "changed-since-review": "Something changed since it was read",
    "code-spent": "The code was used or has expired",
    "deprecated": "The version is deprecated",
    "email-known": "The e-mail address is known already",
    "gate-not-passed": "Not every gate passes",
    "grant-exists": "They hold the role there already",
    "grant-gone": "It was taken back already",
    "invalid": "What was given cannot be used",
    "too-many-watches": "They watch too much already",
    "only-people-watch": "Only people watch",
    "last-administrator": "It is the last governance admin",
    "locked": "Too many wrong passwords in a row",
    "no-reason": "No reason was given",
    "no-role": "No role that allows it",
    "name-taken": "The name is taken",
    "no-such-step": "The stage does not follow from the one before",
    "no-such-version": "There is no such version",
    "nothing-live": "No version is champion",
    "not-a-person": "Only a person decides",
    "not-found": "It does not exist, or they may not know of it",
    "not-requester": "Only the person who asked may do that",
    "prohibited": "A prohibited use is not accepted",
    "promotion-on-its-way": "Another promotion was on its way",
    "not-deprecated": "The version is not deprecated",
    "requester": "They asked for it themselves",
    "successor-deprecated": "The successor is deprecated itself",
    "successor-itself": "A version does not follow itself",
    "self-disable": "Nobody disables themselves",
    "self-grant": "Nobody gives a role to themselves",
    "self-reset-needed": "Whoever decides or governs keeps their own password",
    "replaced": "Somebody else has this address now",
    "changed-since-approval": "Something changed after the approval",
    "still-live": "The champion is still live",
    "there-already": "It was there already",
    "version-gone": "The version was deleted in MLflow or made again",
    "wrong-password": "Wrong e-mail address or password",
    "wrong-state": "Too late or too early for that",
}

PERMISSIONS: Final[Mapping[str, str]] = {
    "application:register": "Register serving applications",
    "audit:export": "Export the audit trail",
    "audit:read": "Read the audit trail",
    "authorship:assign": "Link MLflow users to people",
    "authorship:claim": "Say that one built a version",
    "card:write": "Write and publish model cards",
    "evidence:collect": "Read the files of versions",
    "explanation:compute": "Compute explanations",
    "explanation:read": "Read explanations",
    "explanation:request": "Ask for explanations",
    "grant:give": "Give roles",
    "grant:take": "Take roles back",
    "impact:read": "See what models do for the business",
    "mirror:write": "Keep the copy of MLflow",
    "model:classify": "Say who owns a model and what it predicts",
    "notice:write": "Tell people what changed",
    "model:read": "Find and read models",
    "model:stage:prepare": "Move a model between proposal, development and validation",
    "person:add": "Add and invite people",
    "person:disable": "Disable and enable people",
    "person:read": "See who is known and what they may do",
    "prediction:report": "Report calls of models",
    "promotion:carry-out": "Move aliases in MLflow",
    "release:decide": "Approve, reject or send back a release",
    "release:read": "Read release requests",
    "release:request": "Ask for a release",
    "release:withdraw": "Withdraw one\N{RIGHT SINGLE QUOTATION MARK}s own request",
    "token:issue": "Make tokens for oneself",
    "token:issue:application": "Make tokens for applications",
    "token:revoke": "Revoke anybody\N{RIGHT SINGLE QUOTATION MARK}s tokens",
    "use-case:accept": "Accept, change and close AI use cases",
    "use-case:propose": "Propose AI use cases",
    "use-case:read": "Read AI use cases",
    "value:declare": "Declare what an outcome is worth",
    "version:deprecate": "Deprecate versions, and take that back",
}


def act_words(name: str) -> str:
    """An act of the trail as a person says it; an unknown one keeps its name."""
    return ACTS.get(name, name)


def reason_words(code: str) -> str:
    """A reason code as a clause; nothing for `ok`, an unknown one with spaces for hyphens."""
    if code == "ok":
        return ""
    return REASONS.get(code, code.replace("-", " ").capitalize())


def permission_words(name: str) -> str:
    """A permission as what it lets a person do."""
    return PERMISSIONS.get(name, name)
