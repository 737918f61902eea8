-- exposures
-- Grain: an exposure and file type, as last measured in the connection's photometry mode.
CREATE OR REPLACE VIEW exposures AS
SELECT
    e.imagename::VARCHAR AS imagename,  -- [-] Root name and file type: <rootname>_<filetype>.fits
    e.rootname::VARCHAR AS rootname,  -- [-] Root name of the exposure (ipppssoot)
    e.filetype::VARCHAR AS filetype,  -- [-] 'flt', or 'flc' after the pixel-based CTE correction
    e.target::VARCHAR AS target,  -- [-] Name of the target in this lake
    e.targname::VARCHAR AS targname,  -- [-] Name of the target as the proposal spelled it
    e.proposal::INTEGER AS proposal,  -- [-] Proposal number
    e.visit::VARCHAR AS visit,  -- [-] Visit: characters 5 and 6 of the root name
    e.filter::VARCHAR AS filter,  -- [-] Filter
    e.exptime::DOUBLE AS exptime,  -- [s] Exposure time
    e.length::VARCHAR AS length,  -- [-] 's' for a short exposure, 'l' for a long one (limit: chips.short_limit)
    e.mjd::DOUBLE AS mjd,  -- [d] Start of the exposure, modified Julian date (UTC)
    e.chinject::VARCHAR AS chinject,  -- [-] Charge injection: NONE, CONT, LINE10, LINE17, LINE25
    e.flash::INTEGER AS flash,  -- [electron] Post-flash level per pixel, 0 without post-flash
    e.flashsta::VARCHAR AS flashsta,  -- [-] Status of the post-flash
    e.flashdur::DOUBLE AS flashdur,  -- [s] Duration of the post-flash
    e.flashcur::VARCHAR AS flashcur,  -- [-] Current of the post-flash LED: ZERO, LOW, MED, HIGH
    e.shutter::VARCHAR AS shutter,  -- [-] Shutter blade: A or B
    e.chip::INTEGER AS chip,  -- [-] Chip that was measured: 2 (read towards y = 0) or 1 (read towards the top)
    e.postarg1::DOUBLE AS postarg1,  -- [arcsec] Offset of the pointing along the detector's x
    e.postarg2::DOUBLE AS postarg2,  -- [arcsec] Offset of the pointing along the detector's y
    e.pa_v3::DOUBLE AS pa_v3,  -- [deg] Position angle of the telescope's V3 axis
    e.orientation::DOUBLE AS orientation,  -- [deg] Position angle of the chip's y axis by the WCS that placed the apertures
    e.scan_typ::VARCHAR AS scan_typ,  -- [-] Spatial scan: 'N' for none, else its kind
    e.sky::DOUBLE AS sky,  -- [electron] Median over the stars of their local sky per pixel; NULL if no star has one
    e.mdrizsky::DOUBLE AS mdrizsky,  -- [electron] Sky per pixel found by AstroDrizzle on this chip; NULL where it was not run
    e.n_stars::BIGINT AS n_stars,  -- [-] Rows of this exposure in phot: master stars that fall on the chip
    e.n_measured::BIGINT AS n_measured,  -- [-] Of these, stars with a finite flux at the analysed aperture radius
    e.shift_x::DOUBLE AS shift_x,  -- [pix] Median shift in x of the measured centres from the catalog's positions
    e.shift_y::DOUBLE AS shift_y,  -- [pix] Median shift in y of the measured centres from the catalog's positions
    e.shift_rms::DOUBLE AS shift_rms,  -- [pix] Robust scatter (1.48 MAD, both axes) of the measured centres about the catalog's positions
    e.mode::VARCHAR AS mode,  -- [-] Photometry mode
    e.engine::VARCHAR AS engine,  -- [-] Engine that summed the apertures
    e.settings::VARCHAR AS settings,  -- [-] Every parameter of the photometry mode, as JSON
    e.settings_hash::VARCHAR AS settings_hash,  -- [-] Hash of all measuring settings; two exposures with one hash were measured alike
    e.rules_hash::VARCHAR AS rules_hash,  -- [-] Hash of targets, exclusions and chip rules under which it was admitted
    e.cal_ver::VARCHAR AS cal_ver,  -- [-] Version of the calibration pipeline
    e.pctecorr::VARCHAR AS pctecorr,  -- [-] Whether the pixel-based CTE correction was done
    e.pctetab::VARCHAR AS pctetab,  -- [-] Reference table of the pixel-based CTE correction
    e.cte_name::VARCHAR AS cte_name,  -- [-] Name of the CTE correction's algorithm
    e.cte_ver::VARCHAR AS cte_ver,  -- [-] Version of the CTE correction's algorithm
    e.generation::VARCHAR AS generation,  -- [-] Calibration generation: what changes the pixels of this file type, as a name
    e.fluxcorr::VARCHAR AS fluxcorr,  -- [-] Whether chip 2 was scaled to chip 1 (FLUXCORR)
    e.phtratio::DOUBLE AS phtratio,  -- [-] Factor by which FLUXCORR scales chip 2
    e.flux_scaled::BOOLEAN AS flux_scaled,  -- [-] Whether FLUXCORR scaled chip 2 by more than 0.01%
    e.wcsname::VARCHAR AS wcsname,  -- [-] Name of the WCS that placed the apertures
    e.alignment_hash::VARCHAR AS alignment_hash,  -- [-] Hash of the alignment solution that was used; NULL for the WCS of the header
    e.crmask_hash::VARCHAR AS crmask_hash,  -- [-] Hash of the cosmic-ray mask that was used; NULL for none
    e.pam::VARCHAR AS pam,  -- [-] Pixel area map: 'official' or 'distortion'
    e.master_hash::VARCHAR AS master_hash,  -- [-] Hash of the master catalog that was matched
    e.path::VARCHAR AS path,  -- [-] Absolute path of the file that was measured
    e.checksum::VARCHAR AS checksum,  -- [-] BLAKE2b checksum of the file that was measured
    e.file_size::BIGINT AS file_size,  -- [byte] Size of the file that was measured
    e.file_mtime_ns::BIGINT AS file_mtime_ns,  -- [ns] Time of the file's last change, since 1970 (UTC)
    e.phot_key::VARCHAR AS phot_key,  -- [-] Hash of input, master catalog, masks, WCS and settings; part of the photometry file's name
    e.revision::INTEGER AS revision,  -- [-] How often this exposure and file type was measured in this mode; the highest is the current one
    e.software::VARCHAR AS software  -- [-] Version of cte-lake that measured it
FROM exposures_all_modes AS e
WHERE e.mode = (SELECT s.mode FROM settings AS s);
