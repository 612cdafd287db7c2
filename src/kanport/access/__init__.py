"""Who has which access now: snapshots of a server, the lists that auditors ask for, and history."""
