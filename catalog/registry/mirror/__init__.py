"""The mirror: what MLflow holds, read, compared and written down as ours."""
