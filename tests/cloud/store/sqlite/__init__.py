"""What SQLite promises beyond the interface."""
