"""The only door to MLflow: how one server is reached, asked and understood."""
