"""AI use cases: what the organisation wants of its models, and what is at stake."""
