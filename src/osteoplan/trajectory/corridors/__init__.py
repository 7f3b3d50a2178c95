"""Straight corridors through bone that a screw fits into."""
