"""The array door: moduli on bricks and boundary conditions in, displacements out."""
