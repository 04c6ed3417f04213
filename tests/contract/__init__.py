"""What the program promises as a whole: start-up, floors, catalogue and docs, exit codes, help, README, demo."""
