"""What a pipeline runs: ask the gates, attach evidence, ask for a release.

It speaks to the portal's REST API, needs the standard library alone, and has no database.
"""
