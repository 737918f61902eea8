"""What an exposure is: FITS in; header facts, screening, chips, pixel area map and masks out."""
