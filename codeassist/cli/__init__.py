"""The command line, one file for each command. Each imports what it needs when it runs, so that all start fast."""
