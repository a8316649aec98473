"""What follows from a fact: each policy goes along the ledger with a position of its own."""
