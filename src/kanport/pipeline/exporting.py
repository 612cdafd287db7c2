"""What a server holds, read whole for writing it down."""

from collections.abc import Mapping

from kanport.errors import Unreachable
from kanport.export.tables import Listing, listings, not_whole
from kanport.kanboard.client import Client
from kanport.kanboard.current import read_current


def read_listings(client: Client) -> Mapping[str, Listing]:
    """Read users, groups, projects and access of a server as tables, by name; only reads.

    Raises Unreachable where not all of it can be read: half an export would be taken for a whole
    one.
    """
    state = read_current(
        client, choose_projects=lambda projects: [project.id for project in projects]
    )
    if (problem := not_whole(state)) is not None:
        raise Unreachable(
            problem,
            hint="try again, and raise PHP's memory_limit on the server for the time of the export",
        )
    return listings(state)
