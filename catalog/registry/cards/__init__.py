"""Model cards: what people say of a model, kept in CycloneDX shape."""
