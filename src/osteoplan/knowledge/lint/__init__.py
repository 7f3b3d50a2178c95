"""What is wrong with the data, in sentences."""
