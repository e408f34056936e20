"""A server that could not guard what it must does not start."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from countersign_guard import law, routes
from countersign_guard.settings import CannotGuardError
from fastapi import FastAPI
from flask import Flask
from graphql import GraphQLField, GraphQLObjectType, GraphQLString
from mlflow.server import app as flask_app
from mlflow.server.graphql.graphql_schema_extensions import schema

from app.settings import ROOT
from tests.guard.scene import KEY, guarded, public
from tests.stack import MlflowServer, plain_environment


def started(folder: Path, *more: str, **environment: str) -> tuple[int, str]:
    """Start a guarded server that cannot start; its exit code and what it said."""
    done = subprocess.run(
        [sys.executable, "-m", "mlflow", "server", "--app-name", "countersign", *more],
        cwd=folder,
        env=plain_environment() | {"PYTHONPATH": str(ROOT / "guard"), **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    return done.returncode, done.stderr


def test_without_a_public_key_the_command_ends_with_one_sentence(tmp_path: Path) -> None:
    code, said = started(tmp_path, "--backend-store-uri", f"sqlite:///{tmp_path / 'mlflow.db'}")
    assert code == 1
    last = said.strip().splitlines()[-1]
    assert last.startswith("The guard has no public key")
    assert "countersign guard-key" in last


def test_this_mlflow_has_every_act_that_is_guarded() -> None:
    routes.insist_on_acts(flask_app)


@pytest.mark.parametrize("name", sorted(law.LAW))
def test_an_mlflow_without_an_act_that_must_be_guarded_is_not_started(name: str) -> None:
    changed = Flask("changed")
    changed.url_map = flask_app.url_map
    changed.view_functions = {k: v for k, v in flask_app.view_functions.items() if k != name}
    with pytest.raises(CannotGuardError, match=name):
        routes.insist_on_acts(changed)


@pytest.mark.parametrize(
    "rule",
    [
        "/api/3.0/mlflow/registered-models/move-alias",
        "/api/3.0/mlflow/model-versions/patch",
        "/api/2.0/mlflow-artifacts/append/<path:artifact_path>",
    ],
)
def test_an_mlflow_with_an_act_that_nobody_has_thought_about_is_not_started(rule: str) -> None:
    changed = Flask("changed", static_folder=None)
    changed.view_functions.update(flask_app.view_functions)
    changed.add_url_rule(rule, "_new_act", lambda: "", methods=["POST"])
    with pytest.raises(CannotGuardError, match=r"has _new_act at "):
        routes.insist_on_acts(changed)


def test_an_mlflow_that_changes_models_by_graphql_is_not_started(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    moving = GraphQLObjectType("Mutation", {"moveAlias": GraphQLField(GraphQLString)})
    monkeypatch.setattr(schema.graphql_schema, "mutation_type", moving)
    with pytest.raises(CannotGuardError, match="by GraphQL: moveAlias"):
        routes.insist_on_acts(flask_app)


def test_an_app_that_answers_past_the_guarded_flask_is_not_started() -> None:
    with pytest.raises(CannotGuardError, match="would see none of its requests"):
        routes.insist_on_native(FastAPI(), flask_app)


def test_a_server_that_only_serves_artifacts_cannot_know_which_are_approved(tmp_path: Path) -> None:
    server = guarded(tmp_path)
    program = "from countersign_guard import app; app.create_app()"  # what a worker does
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=plain_environment()
        | {
            "PYTHONPATH": str(ROOT / "guard"),
            "COUNTERSIGN_GUARD_PUBLIC_KEY": public(KEY),
            "_MLFLOW_SERVER_ARTIFACTS_ONLY": "true",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, server
    assert "cannot know which of them are approved" in done.stderr


def test_the_guard_imports_nothing_of_the_portal() -> None:
    program = (
        "import json, sys, countersign_guard.law, countersign_guard.routes; "
        "print(json.dumps(sorted(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(ROOT / "guard")},
        cwd="/",
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = {name.partition(".")[0] for name in json.loads(done.stdout.splitlines()[-1])}
    assert not loaded & {"app", "auth", "catalog", "countersign", "ledger", "pages"}
    assert isinstance(MlflowServer, type)
