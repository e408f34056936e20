"""Evidence: what is known of a version, by content, and the snapshot a decision is bound to."""
