"""Gates: each asks one question of the evidence and answers pass, fail or missing."""
