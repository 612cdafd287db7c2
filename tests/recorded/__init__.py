"""What reading, normalizing and planning make of 200 generated inputs, recorded to compare with.

`python -m tests.recorded` records everything anew; do that only where a difference is wanted, with
the code that the recordings are to keep. `python -m tests.recorded 17` writes case 17 into a folder
of that name, to look at it or to run Kanport on it.
"""
