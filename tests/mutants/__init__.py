"""Small faults put into the release law, one at a time; the tests must notice each."""
