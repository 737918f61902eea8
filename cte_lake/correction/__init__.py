"""What stands on a measured lake: fits, coefficient files, corrected tables, closures, comparisons."""
