"""The real MLflow server, for the contract that the stand-in keeps too."""

from __future__ import annotations

from tests.mlflow_server import mlflow_server

__all__ = ["mlflow_server"]
