"""The page of the ways in."""
