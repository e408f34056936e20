"""Dossiers: what a release can be judged from away from here, its receipt and its evidence pack."""
