"""Several ablation probes for one lesion."""
