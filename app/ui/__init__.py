"""The screen kit: the pieces every screen is laid from, so that all of them look and read alike.

Pieces without widgets return `Markup` and are put on the screen together by `markup.show`; pieces
with widgets (cards, heads with buttons, charts, the lineage graph) draw themselves.
"""
