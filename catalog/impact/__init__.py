"""What the live models do for the business, in plain words."""
