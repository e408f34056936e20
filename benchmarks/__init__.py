"""Every figure the README claims, each measured by one command."""
