"""How the live models behave: what serving applications report of them."""
