"""A centre's own rules: what it changes, adds or switches off, and the rule set that comes of it."""
