"""Master catalogs: read from files, checked, projected onto a chip."""
