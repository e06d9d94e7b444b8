"""Watermarks, seals and markers: the pure parts, and what they write."""
