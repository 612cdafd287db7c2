"""What an undo leaves as it is."""

from collections.abc import Mapping

from kanport.catalogue.kinds import Kind

UNDOING: Mapping[str, Kind] = {
    # Taking a run back.
    "undo-moved": Kind("error", "The server has changed since the run; this was left as it is."),
    "undo-impossible": Kind("error", "Kanboard's API cannot take this back."),
    "undo-partial": Kind("warning", "Kanboard's API can take this back only in part."),
}
