"""Trials: the past is asked again, under a draft before it binds anybody, or as it was bound."""
