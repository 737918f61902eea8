"""What makes a lake: fetch, align, crmask, master catalogs, ingest."""
