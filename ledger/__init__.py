"""The ground floor: one database, one transaction, what happened, in what order, provably."""
