"""What is not known, and what it does to an answer: samples, one input at a time, corrections."""
