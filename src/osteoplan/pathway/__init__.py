"""Facts to scores and rules, to verdicts with trace and open questions."""
