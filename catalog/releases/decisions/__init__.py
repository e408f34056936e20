"""Decisions: who decides a request, what they see of it, and what their agreement is worth."""
