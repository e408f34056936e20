"""The guard: an MLflow server in which what was approved moves by a ticket, or not at all."""
