"""One user or one project explained, with everything that is known of them."""

from kanport.explain import Known, explain_person, explain_project
from kanport.explain.told import as_dict, document_of
from kanport.kanboard.client import Client
from kanport.ledger import recall
from kanport.memory import NOTHING
from kanport.pipeline.inputs import Inputs
from kanport.pipeline.planning import plan_and_state
from kanport.pipeline.rendering import Paper
from kanport.pipeline.results import OnProgress, Reporter, Stage, ignore


def explain(
    inputs: Inputs,
    server: Client | None = None,
    *,
    who: str = "",
    project: str | None = None,
    progress: OnProgress = ignore,
) -> Paper:
    """Explain a user (`who`), or a project: rows, rules, what changes and why, or why nothing does.

    Without a server, only what the sources ask for is explained. Raises UsageError where nothing
    and nobody is called so, and as `kanport.api.plan`.
    """
    plan, current, memory = None, None, NOTHING
    if server is not None:
        with Reporter(progress).stage(Stage.SERVER):
            plan, current = plan_and_state(inputs, server)
            if inputs.ledger is not None:
                memory = recall(inputs.ledger, server.url)
    known = Known(
        inputs.mapping, inputs.tables, inputs.desired, inputs.findings, plan, current, memory
    )
    told = explain_person(known, who) if project is None else explain_project(known, project)
    return Paper(document_of(told), lambda: as_dict(told))
