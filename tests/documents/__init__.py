"""Payloads of every kind, and the one outcome of each."""
