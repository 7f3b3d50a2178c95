"""Where cement goes."""
