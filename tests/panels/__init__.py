"""Tests of what the panels say."""
