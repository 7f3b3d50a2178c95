"""Every file format, in and out, and nothing else."""
