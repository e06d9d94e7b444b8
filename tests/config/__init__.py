"""Configuration: what a properties file may say, and what becomes of it."""
