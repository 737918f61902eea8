"""What an exposure is: FITS in; header facts, screening, chips, pixel area map and masks out.

Modules
-------
exposure    header to :class:`~cte_lake.frames.exposure.Exposure`
opening     opening and checking files, checksums
fitsfile    one chip's pixels and WCS
screening   configured exclusions, spelling of targets
chips       which chip holds the measured field
roll        when two visits are turned by 180 degrees
geometry    pixel areas from a WCS
pam         pixel area maps, computed or official
masks       pixels that are not measured
"""
