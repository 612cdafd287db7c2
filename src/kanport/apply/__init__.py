"""Do what a plan says, and only that: executor, journal, passwords, reading back, verify, undo."""
