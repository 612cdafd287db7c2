"""Access reviews: workbooks go out to reviewers, their decisions come back as an ordinary plan."""
