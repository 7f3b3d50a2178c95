"""Pure array mathematics: arrays in, arrays out; no patients, no files, no logging."""
