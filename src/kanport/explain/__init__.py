"""One person or one project, explained: the rows, the rules, the server, what changes and why.

What is wanted and what would change is the plan's own; nothing is decided here once more. Pure.
"""

from kanport.explain.model import Explanation, Known
from kanport.explain.person import explain_person
from kanport.explain.project import explain_project

__all__ = ["Explanation", "Known", "explain_person", "explain_project"]
