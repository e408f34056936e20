"""The demo organisation: a fictional bank whose models are really trained on real, bundled data."""
