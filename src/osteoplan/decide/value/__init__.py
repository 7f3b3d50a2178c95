"""Value: what options are worth in quality of life and in money, and which fact is worth getting."""
