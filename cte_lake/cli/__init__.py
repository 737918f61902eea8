"""The command line: one module per group of commands; parse, call, print."""
