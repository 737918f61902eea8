"""Each chip's loss from stars that are seen again and again: ln flux = star + exposure - S distance / 2048.

`rows` holds what is measured, `sums` makes the normal equations of a group of stars, `equations` puts them
together and says what they leave open, `solve` iterates, `losses` is what comes out.
"""
