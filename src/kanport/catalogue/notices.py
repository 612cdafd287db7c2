"""What a person must know of a run besides its findings and outcomes."""

from collections.abc import Mapping

from kanport.catalogue.kinds import Kind, Text, one

NOTICES: Mapping[str, Kind] = {
    "run-settled": Kind(
        "",
        "An earlier run was cut off, and what it did is recorded",
        one(
            "the run {run} was cut off; {made} of its {planned:#change is|changes are} in place,"
            " and what is still needed is planned anew ({journal})"
        ),
    ),
    "run-not-settled": Kind(
        "",
        "An earlier run was cut off, and what it did cannot be recorded",
        one("what a run did that was cut off cannot be recorded: {why}"),
    ),
    "journal-unreadable": Kind(
        "",
        "A file of the state folder is no journal",
        one("{journal} in the state folder is left out: {why}"),
    ),
    "ledger-unwritten": Kind(
        "",
        "The ledger cannot be written",
        {
            "run": Text("{why}; what this run did is not remembered", "{hint}"),
            "good": Text("{why}; the next run has nothing to compare with", "{hint}"),
        },
    ),
    "approval-ignored": Kind(
        "",
        "An approval does not hold, and none is required",
        one("{approval} counts for nothing: {why}"),
    ),
    "protect-unreadable": Kind(
        "",
        "The mapping that protects accounts cannot be read",
        one(
            "the mapping {mapping} cannot be read; protected are the accounts that it protected"
            " when the run was planned (--mapping says where it is now)"
        ),
    ),
    "undo-cut-off": Kind(
        "",
        "The run to undo was cut off",
        one("the run was cut off; what it may have sent is looked up on the server"),
    ),
}
