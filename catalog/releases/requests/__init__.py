"""Requests: a version asked for, judged by a policy, and bound to what was read."""
