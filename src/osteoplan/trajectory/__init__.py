"""Trajectories: safe straight ways through an anatomy."""
