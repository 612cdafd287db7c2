"""Doing what a plan says: the engine, the journal, reading back."""
