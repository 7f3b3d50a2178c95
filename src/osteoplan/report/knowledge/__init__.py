"""The pages of what the program knows."""
