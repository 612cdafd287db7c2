"""Findings about the workbooks of an access review, and what happened to the access since."""

from collections.abc import Mapping

from kanport.catalogue.kinds import CatalogueEntry, Personal, Text, one

LOGIN, VALUE = Personal.LOGIN, Personal.VALUE
_WORDS = "keep, revoke, change role or don't know"
_AGAIN = "send the reviewer the workbook again, as kanport review start wrote it"

REVIEWS: Mapping[str, CatalogueEntry] = {
    "review-file-missing": CatalogueEntry(
        "warning",
        "The workbook of a reviewer is missing.",
        one(
            "the workbook {file} of {reviewer:q} is missing, so its rows stay open",
            "put it back into the folder of the review, under this name",
        ),
        {"reviewer": LOGIN},
    ),
    "review-file-unread": CatalogueEntry(
        "error",
        "The workbook of a reviewer cannot be read.",
        one("the workbook {file} cannot be read: {why}", "save it as .xlsx again"),
        {"why": VALUE},
    ),
    "review-file-unknown": CatalogueEntry(
        "warning",
        "A workbook in the folder is none of the review.",
        one(
            "the workbook {file} is none of this review, so Kanport does not read it",
            "if a reviewer saved their workbook under another name, give it its old name",
        ),
    ),
    "review-columns": CatalogueEntry(
        "error",
        "A workbook lacks columns.",
        one("the {count:column is|columns are} missing: {columns:q}", _AGAIN),
    ),
    "review-rows-missing": CatalogueEntry(
        "warning",
        "Rows were deleted from a workbook.",
        one(
            "{count:#row was|rows were} deleted, of {usernames:q}; a row that is missing changes"
            " nothing, and stays open",
            "ask the reviewer to decide in the workbook: revoke ends the access",
        ),
        {"usernames": LOGIN},
    ),
    "review-row-twice": CatalogueEntry(
        "error",
        "A row of a workbook is there twice.",
        one("the same row is also at {first}", "delete one of the two"),
    ),
    "review-row-unknown": CatalogueEntry(
        "error",
        "A row of a workbook was not written by Kanport for this reviewer.",
        {
            "": Text(
                "this row is none of the review: Kanport did not write it",
                "delete the row; to end other access, change the sources or plan it yourself",
            ),
            "self": Text(
                "reviewers do not decide about their own access",
                "delete the row, or start the review with --allow-self",
            ),
            "other": Text(
                "somebody else decides about {username:q} in {project:q}",
                "delete the row",
            ),
        },
        {"username": LOGIN},
    ),
    "review-row-changed": CatalogueEntry(
        "error",
        "A locked cell of a workbook was changed.",
        one(
            "the cell was changed from {written:q} to {now:q}",
            "write it back, and check that the decision is about this user",
        ),
        {"written": VALUE, "now": VALUE},
    ),
    "review-decision": CatalogueEntry(
        "error",
        "A word is not a decision.",
        {
            "": Text("this is not a decision", f"write {_WORDS}"),
            "near": Text("this is not a decision", "did you mean {meant}?"),
            "empty": Text("there is a new role, but no decision", "write change role"),
        },
    ),
    "review-role": CatalogueEntry(
        "error",
        "The new role of a decision is missing or does not fit.",
        {
            "missing": Text("change role needs a new role", "choose a role in this cell"),
            "needless": Text(
                "the decision needs no new role", "empty this cell, or write change role"
            ),
            "same": Text("the user has this role already", "choose another one, or write keep"),
            "unknown": Text(
                "this is not a role of the project",
                "write project-manager, project-member or project-viewer",
            ),
        },
    ),
    "review-conflict": CatalogueEntry(
        "error",
        "Two reviewers decided differently about one access.",
        one(
            "{reviewer:q} decided {decision:q} about {username:q} in {project:q}, and {other:q}"
            " decided {otherwise:q}",
            "ask both to agree, and to write the same decision",
        ),
        {"reviewer": LOGIN, "other": LOGIN, "username": LOGIN},
    ),
    "review-moved": CatalogueEntry(
        "error",
        "What a reviewer decided about has changed on the server.",
        {
            "role": Text(
                "{username:q} now has the role {now} in {project:q}; it was {role} when the review"
                " started"
            ),
            "gone": Text("{username:q} no longer has access to {project:q}, so no role can change"),
            "user": Text("the user {username:q} is no longer on the server under this username"),
            "project": Text(
                "the project {project:q} is no longer on the server under this identifier or name"
            ),
        },
        {"username": LOGIN},
    ),
    "review-settled": CatalogueEntry(
        "info",
        "The server already has what a reviewer decided.",
        one("{username:q} in {project:q} is already as {reviewer:q} decided"),
        {"username": LOGIN, "reviewer": LOGIN},
    ),
    "review-reviewer-gone": CatalogueEntry(
        "warning",
        "A reviewer is no longer an active user.",
        one(
            "{reviewer:q} decided {count:#row|rows}, and is no longer an active user of the server",
            "check with the successor that the decisions still hold",
        ),
        {"reviewer": LOGIN},
    ),
    "review-asked": CatalogueEntry(
        "warning",
        "The sources still ask for access that a reviewer ends or changes.",
        one(
            "the sources still ask for {username:q} as {role} in {project:q}, so the next plan of"
            " the mapping gives that back",
            "correct the sources as well",
        ),
        {"username": LOGIN},
    ),
    "review-sources-unread": CatalogueEntry(
        "warning",
        "Kanport could not read the sources of the mapping to compare them with a review.",
        one(
            "Kanport could not read the sources of the mapping, so it cannot tell whether they"
            " still ask for what this plan ends: {why}",
            "check them before the next run, which would grant the access again",
        ),
        {"why": VALUE},
    ),
    "review-through-group": CatalogueEntry(
        "warning",
        "Access that a reviewer wants to end comes through a group.",
        one(
            "{username:q} has access to {project:q} only through {groups:q}, so Kanport cannot"
            " {decision} it here",
            "remove the user from the group, or end the access of the group",
        ),
        {"username": LOGIN},
    ),
    "review-open": CatalogueEntry(
        "warning",
        "Access of a review is not decided.",
        one(
            "{count:#row is|rows are} not decided, and the access stays",
            "kanport review status shows who has not answered",
        ),
    ),
}
