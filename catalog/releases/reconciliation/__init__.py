"""Reconciliation: what moves in MLflow is explained by an approval, or it is found."""
