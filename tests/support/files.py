"""A mapping and its two CSV files, as small as they can be and still do everything."""

from pathlib import Path

MAPPING = """\
kanport: 1
name: club
sources:
  people:
    type: csv
    path: people.csv
  grants:
    type: csv
    path: grants.csv
users:
  from: people
  find_by: [username, email]
  fields:
    username: {from: Login, transform: [lower]}
    name: {from: Name}
    email: {from: Mail}
    role: {from: Role, values: {admin: app-admin, lead: app-manager, "": app-user}}
  missing: disable
  managed: {usernames: ["*"]}
memberships:
  - from: grants
    username: {from: Login, transform: [lower]}
    project: {from: Project}
    role: {from: Access, values: {R: project-viewer, W: project-member, M: project-manager}}
memberships_missing: revoke
protect: [admin, "svc-*"]
"""

PEOPLE = """\
Login,Name,Mail,Role
ada,Ada Lovelace,ada@example.org,lead
bob,Bob Ross,bob@example.org,
chloé,Chloé Dupont,chloe@example.org,
"""

GRANTS = """\
Login,Project,Access
ada,ALPHA,M
bob,ALPHA,W
chloé,Beta board,R
"""


def write_files(
    folder: Path, *, mapping: str = MAPPING, people: str = PEOPLE, grants: str = GRANTS
) -> Path:
    """Write mapping and sources into a folder, and give the mapping's path."""
    (folder / "people.csv").write_text(people, encoding="utf-8")
    (folder / "grants.csv").write_text(grants, encoding="utf-8")
    path = folder / "club.yaml"
    path.write_text(mapping, encoding="utf-8")
    return path
