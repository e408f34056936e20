"""Applications: who relies on a model, for what, and how to reach them."""
