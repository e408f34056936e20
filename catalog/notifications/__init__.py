"""Watches and notices: who wants to hear of what, and what they were told. Knows ids and words."""
