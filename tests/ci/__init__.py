"""What a pipeline runs, against a real API."""
