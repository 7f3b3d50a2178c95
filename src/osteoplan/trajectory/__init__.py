"""Safe straight ways through an anatomy."""
