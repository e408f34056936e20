"""What people do, told in a real browser over the real demo."""
