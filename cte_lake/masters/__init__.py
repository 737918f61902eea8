"""Master catalogs: read, check and project onto a chip."""
