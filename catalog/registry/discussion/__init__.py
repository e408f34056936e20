"""What people say about a model: comments in threads, and whom they mention."""
