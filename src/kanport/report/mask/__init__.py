"""Pseudonyms for names, logins and addresses: the same in every format of one plan.

What is masked is the plan and its run, before a view is made of them: so no format can forget it.
Projects, groups, roles, files and the server keep their names. The pseudonyms of a plan follow from
the whole of it and not from its digest, which stands in the report: nobody can try out names.
"""

from kanport.report.mask.masking import Mask, masked_findings

__all__ = ["Mask", "masked_findings"]
