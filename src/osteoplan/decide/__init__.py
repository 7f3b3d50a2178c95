"""Outcomes side by side: paired differences, ranking, ties."""
