"""The fleet on one machine: an embedded AWS, a player simulator, and the demonstration."""
