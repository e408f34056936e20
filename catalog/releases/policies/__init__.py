"""Policies: the organisation's release law, written as YAML, published in versions that last."""
