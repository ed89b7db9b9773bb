"""The command line: one page for each verb."""
