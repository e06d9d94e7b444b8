"""Turns a record's payload into JSON documents, or into the reason why not. Pure; never raises for bad data."""
