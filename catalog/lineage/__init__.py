"""Where a model comes from and what stands on it."""
