"""Straight needle paths from reachable skin into a lesion."""
