"""What only the PostgreSQL driver has: nodes, notices, commit order."""
