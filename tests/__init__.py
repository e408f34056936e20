"""What is promised, one sentence per test."""
