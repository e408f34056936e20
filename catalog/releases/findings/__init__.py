"""Findings: what is wrong, who puts it right, until when, and who saw that it was."""
