"""Heat and cold: what a probe does to tissue, what it kills, and what the structures around it feel."""
