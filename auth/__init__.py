"""People: who is acting, and what they may do. It has never heard of models."""
