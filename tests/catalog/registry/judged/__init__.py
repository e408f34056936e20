"""A small catalog and what people ask of it, with how well each model answers, judged by hand."""
