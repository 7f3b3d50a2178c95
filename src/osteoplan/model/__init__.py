"""Nouns of the field, frozen and without input or output.  Every other room speaks only these."""
