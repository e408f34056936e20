"""The guarded server behind MLflow's own sign-in: `--app-name countersign-basic-auth`.

Whoever is not signed in is turned away before the guard is asked; administrators, whom basic auth
lets do everything, are asked as everybody is.
"""

from __future__ import annotations

import os
import secrets

from fastapi import FastAPI
from flask import Flask
from mlflow.environment_variables import (
    _MLFLOW_AUTH_ADMIN_BOOTSTRAPPED,
    _MLFLOW_INTERNAL_GATEWAY_AUTH_TOKEN,
    MLFLOW_SERVER_ENABLE_JOB_EXECUTION,
)
from mlflow.server import auth

from countersign_guard.app import guarded

if not _MLFLOW_AUTH_ADMIN_BOOTSTRAPPED.get():
    # What MLflow does for its own app: once, before there are workers, who find it done.
    auth.get_flask_server_secret_key()
    auth.bootstrap_admin_user()
    os.environ[_MLFLOW_AUTH_ADMIN_BOOTSTRAPPED.name] = "true"
    if MLFLOW_SERVER_ENABLE_JOB_EXECUTION.get():
        os.environ.setdefault(_MLFLOW_INTERNAL_GATEWAY_AUTH_TOKEN.name, secrets.token_hex(32))


def create_app() -> Flask | FastAPI:
    """MLflow's app with sign-in, guarded."""
    return guarded(auth.create_app())
