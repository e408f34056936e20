"""Search: what is asked, what the index knows, and which models answer best."""
