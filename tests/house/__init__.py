"""Rules of the code that no other tool checks."""
