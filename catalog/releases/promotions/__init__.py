"""Promotions: what was approved carried out in MLflow, set back, taken away, and asked again."""
