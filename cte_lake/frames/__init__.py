"""What an exposure is: FITS in; header facts, screening, chips, pixel area map and masks out.

Modules
-------
exposure    header to :class:`~cte_lake.frames.exposure.Exposure`
cards       typed look-ups of keywords, within limits
checks      what headers must say: extensions, chips, unit, WCS
dates       when an exposure began, checked against all that says so
opening     opening files, checksums
regular     whether a path leads to a regular file
structure   whether a file is built as FITS demands, its tiles included
fitsfile    one chip's pixels and WCS
screening   configured exclusions, spelling of targets
chips       which chip holds the measured field
geometry    pixel areas from a WCS
pam         pixel area maps, computed or official
masks       pixels that are not measured
"""
