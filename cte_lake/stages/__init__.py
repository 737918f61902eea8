"""The steps of a monitor run, each with its arguments, its pure task functions and its orchestration."""
