"""What a user must know of a run besides its findings and outcomes."""

from collections.abc import Mapping

from kanport.catalogue.kinds import CatalogueEntry, Text, one

NOTICES: Mapping[str, CatalogueEntry] = {
    "run-settled": CatalogueEntry(
        "",
        "An earlier run was interrupted, and Kanport recorded what it did",
        one(
            "the run {run} was interrupted; {made} of its {planned:#change is|changes are} in"
            " place, and Kanport plans the rest again ({journal})"
        ),
    ),
    "run-not-settled": CatalogueEntry(
        "",
        "An earlier run was interrupted, and Kanport cannot record what it did",
        one("Kanport cannot record what an interrupted run did: {why}"),
    ),
    "journal-unreadable": CatalogueEntry(
        "",
        "A file in the state folder is not a journal",
        one("Kanport ignores {journal} in the state folder: {why}"),
    ),
    "ledger-unwritten": CatalogueEntry(
        "",
        "The ledger cannot be written",
        {
            "run": Text("{why}; the ledger does not record this run", "{hint}"),
            "good": Text("{why}; the next run cannot compare its sources with this one", "{hint}"),
        },
    ),
    "approval-ignored": CatalogueEntry(
        "",
        "An approval is not valid, and none is required",
        one("Kanport ignores the approval {approval}, so this run is not approved: {why}"),
    ),
    "protect-unreadable": CatalogueEntry(
        "",
        "The mapping that protects accounts cannot be read",
        one(
            "Kanport cannot read the mapping {mapping}, so it protects the accounts that were"
            " protected when the run was planned (if the mapping moved, use --mapping)"
        ),
    ),
    "undo-cut-off": CatalogueEntry(
        "",
        "The run to undo was interrupted",
        one("the run was interrupted; Kanport reads from the server what the run may have done"),
    ),
}
