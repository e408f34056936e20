"""Where everything is introduced to everything, and where the screens are put together."""
