"""The inventory: where every model stands, what it is called, and what is not known of it yet."""
