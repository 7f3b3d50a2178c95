"""Builders of load cases: how a bone is held and loaded, and the one place that knows them all."""
