"""The whole way in one go: the run, and the refresh of the night."""
