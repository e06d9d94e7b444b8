"""Destinations that stand on the seam, and the kit that each of them passes."""
