"""Tests of who may come in, and of how the door is kept."""
