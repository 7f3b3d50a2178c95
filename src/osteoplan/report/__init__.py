"""Typed view-models to one self-contained HTML page."""
