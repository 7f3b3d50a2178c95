"""Structures to avoid that nobody labelled, derived from the bones and marked so."""

from osteoplan.anatomy.derive.all import derived_structures

__all__ = ["derived_structures"]
