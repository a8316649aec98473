"""The judges of the faults, judged: a ledger or a journal that is wrong is found to be."""
