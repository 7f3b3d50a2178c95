"""The bone as a beam: sections along its axis and their rigidity."""
