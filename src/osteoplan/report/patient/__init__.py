"""The patient's page: what can be chosen, in plain words, and what matters to this patient."""
