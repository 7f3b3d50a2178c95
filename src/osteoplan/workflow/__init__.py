"""The verbs: read, options, simulate, compare, explain."""
