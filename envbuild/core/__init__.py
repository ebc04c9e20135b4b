"""Values and protocols: no I/O, standard library only."""
