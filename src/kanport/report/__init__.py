"""A plan or a run, told to a person."""
