"""Models: everything an organisation decides about them."""
