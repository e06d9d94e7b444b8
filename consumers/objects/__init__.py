"""The archive's object: plain lines for every reader, and an index from which the exact records are read back."""
