"""How the tables of a ledger came to be. Released steps never change; new ones are added."""

# Each step leads from the version of its number to the next one. Times are in UTC (RFC 3339),
# `server` is the URL of its API. A user, a project or a group is a number of that server.
MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE people (
            server TEXT NOT NULL,
            id TEXT NOT NULL,
            user_id INTEGER NOT NULL,
            username TEXT NOT NULL,
            first_seen TEXT NOT NULL,
            last_seen TEXT NOT NULL,
            PRIMARY KEY (server, id),
            UNIQUE (server, user_id)
        ) WITHOUT ROWID""",
    ),
    (
        # Whose absences were counted last, and the last run that left nothing to do.
        """CREATE TABLE servers (
            server TEXT NOT NULL PRIMARY KEY,
            counted_at TEXT NOT NULL DEFAULT '',
            good_run TEXT,
            good_at TEXT
        ) WITHOUT ROWID""",
        # What each source looked like in that run; columns as a JSON list.
        """CREATE TABLE good_sources (
            server TEXT NOT NULL,
            source TEXT NOT NULL,
            rows INTEGER NOT NULL,
            columns TEXT NOT NULL,
            PRIMARY KEY (server, source)
        ) WITHOUT ROWID""",
        # What Kanport created or granted (how: made), or what it adopted (how: adopted).
        """CREATE TABLE users (
            server TEXT NOT NULL,
            user_id INTEGER NOT NULL,
            username TEXT NOT NULL,
            how TEXT NOT NULL,
            since TEXT NOT NULL,
            PRIMARY KEY (server, user_id)
        ) WITHOUT ROWID""",
        """CREATE TABLE grants (
            server TEXT NOT NULL,
            user_id INTEGER NOT NULL,
            project_id INTEGER NOT NULL,
            username TEXT NOT NULL,
            project TEXT NOT NULL,
            how TEXT NOT NULL,
            since TEXT NOT NULL,
            PRIMARY KEY (server, user_id, project_id)
        ) WITHOUT ROWID""",
        """CREATE TABLE absences (
            server TEXT NOT NULL,
            user_id INTEGER NOT NULL,
            username TEXT NOT NULL,
            since TEXT NOT NULL,
            runs INTEGER NOT NULL,
            disabled_at TEXT,
            PRIMARY KEY (server, user_id)
        ) WITHOUT ROWID""",
        """CREATE TABLE departed (
            server TEXT NOT NULL,
            id TEXT NOT NULL,
            username TEXT NOT NULL,
            removed_at TEXT NOT NULL,
            PRIMARY KEY (server, id)
        ) WITHOUT ROWID""",
        """CREATE TABLE through_group (
            server TEXT NOT NULL,
            user_id INTEGER NOT NULL,
            project_id INTEGER NOT NULL,
            role TEXT NOT NULL,
            seen_at TEXT NOT NULL,
            PRIMARY KEY (server, user_id, project_id)
        ) WITHOUT ROWID""",
        """CREATE TABLE group_access (
            server TEXT NOT NULL,
            group_id INTEGER NOT NULL,
            project_id INTEGER NOT NULL,
            role TEXT NOT NULL,
            given_at TEXT NOT NULL,
            PRIMARY KEY (server, group_id, project_id)
        ) WITHOUT ROWID""",
    ),
    (
        # Numbers are passed on; empty where an older Kanport did not write down whose they were.
        "ALTER TABLE group_access ADD COLUMN group_name TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE group_access ADD COLUMN project TEXT NOT NULL DEFAULT ''",
    ),
    (
        # What a directory said besides its rows, as JSON; empty where it is none.
        "ALTER TABLE good_sources ADD COLUMN directory TEXT NOT NULL DEFAULT ''",
    ),
    (
        # Entries of directories that access depends on; projects and groups as JSON lists.
        """CREATE TABLE entries (
            server TEXT NOT NULL,
            source TEXT NOT NULL,
            dn TEXT NOT NULL,
            username TEXT,
            projects TEXT NOT NULL,
            groups TEXT NOT NULL,
            PRIMARY KEY (server, source, dn)
        ) WITHOUT ROWID""",
    ),
    (
        # What sources have named, so that it is noticed when they no longer do.
        """CREATE TABLE named_projects (
            server TEXT NOT NULL,
            project_id INTEGER NOT NULL,
            name TEXT NOT NULL,
            named_at TEXT NOT NULL,
            PRIMARY KEY (server, project_id)
        ) WITHOUT ROWID""",
        """CREATE TABLE named_groups (
            server TEXT NOT NULL,
            group_id INTEGER NOT NULL,
            name TEXT NOT NULL,
            named_at TEXT NOT NULL,
            PRIMARY KEY (server, group_id)
        ) WITHOUT ROWID""",
        # Whom Kanport put into a group.
        """CREATE TABLE group_members (
            server TEXT NOT NULL,
            user_id INTEGER NOT NULL,
            group_id INTEGER NOT NULL,
            username TEXT NOT NULL,
            group_name TEXT NOT NULL,
            since TEXT NOT NULL,
            PRIMARY KEY (server, user_id, group_id)
        ) WITHOUT ROWID""",
    ),
    (
        # Removals that should have been made and are not; an id is 0 where there is no such thing.
        """CREATE TABLE open_removals (
            server TEXT NOT NULL,
            action TEXT NOT NULL,
            user_id INTEGER NOT NULL,
            group_id INTEGER NOT NULL,
            project_id INTEGER NOT NULL,
            username TEXT NOT NULL,
            group_name TEXT NOT NULL,
            project TEXT NOT NULL,
            why TEXT NOT NULL,
            since TEXT NOT NULL,
            PRIMARY KEY (server, action, user_id, group_id, project_id)
        ) WITHOUT ROWID""",
    ),
)
