"""The use cases of `kanport.api`, from the lock to the ledger.

Nothing here prints, asks or exits. Errors (`kanport.errors`) stop a run; problems of single rows
are findings.
"""
