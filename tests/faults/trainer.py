"""Trains one small real model and logs it as a data scientist would: `python -m … URI USER`.

A program of its own, because MLflow's way of logging sets the address for the whole process.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import mlflow
from mlflow.data.pandas_dataset import from_pandas
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

INPUTS = ["mean radius", "mean texture", "mean smoothness", "mean symmetry"]


def main(uri: str, user: str) -> None:
    """Print the run and the logged model as a line of JSON."""
    mlflow.set_tracking_uri(uri)
    rows, answers = load_breast_cancer(return_X_y=True, as_frame=True)
    rows = rows[INPUTS]
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(rows[:300], answers[:300])
    held_out, truth = rows[300:], answers[300:]
    measured = from_pandas(held_out.assign(benign=truth), targets="benign", name="tumours")
    with mlflow.start_run(tags={"mlflow.user": user}) as run:
        mlflow.log_input(measured, context="evaluation")
        info = mlflow.sklearn.log_model(
            model,
            name="tumours",
            signature=mlflow.models.infer_signature(held_out, model.predict(held_out)),
            pip_requirements=[],
        )
        auc = float(roc_auc_score(truth, model.predict_proba(held_out)[:, 1]))
        mlflow.log_metrics({"auc": auc}, model_id=info.model_id, dataset=measured)
        with tempfile.TemporaryDirectory() as folder:
            sample = Path(folder, "evaluation_sample.parquet")
            held_out.head(100).to_parquet(sample, index=False)
            mlflow.log_artifact(str(sample))
    print(json.dumps({"run_id": run.info.run_id, "model_id": info.model_id}))


if __name__ == "__main__":
    main(*sys.argv[1:])
