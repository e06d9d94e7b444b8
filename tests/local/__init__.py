"""Tests of the local fleet: embedded AWS, simulator, putter, audit, demonstration."""
