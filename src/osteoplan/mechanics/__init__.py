"""Anatomy and effects to stiffness and strength."""
