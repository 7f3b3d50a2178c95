"""The report of a plan: one page for the meeting, then an appendix."""
