"""Several screws or wires together: chosen, fitted, checked."""
