"""What could be done here, within which hard limits, with which physical effects."""
