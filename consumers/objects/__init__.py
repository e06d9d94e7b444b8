"""The archive's object: plain lines for every reader, and an index that gives back the exact records."""
