"""What can be checked about a model file before anybody relies on it."""
