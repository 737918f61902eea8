"""Plain copies of frames for libraries."""

from astropy.io import fits

from cte_lake.pipeline.copies import write_plain_copy


def test_cards_that_are_no_fits_values_are_left_out_and_all_others_kept(tmp_path):
    path, copy = tmp_path / "a_flc.fits", tmp_path / "copy.fits"
    hdus = fits.HDUList([fits.PrimaryHDU()])
    for extver in (1, 2):
        hdus += [fits.ImageHDU([[1.0]], name=name, ver=extver) for name in ("SCI", "ERR", "DQ")]
    hdus[0].header["SUNANGLE"] = (91.5, "angle")
    hdus["SCI", 2].header["ORIENTAT"] = 12.0
    hdus[0].header["TARGNAME"] = "NGC104"
    hdus.writeto(path)
    content = path.read_bytes()
    for key in (b"SUNANGLE", b"ORIENTAT"):
        start = content.index(key)
        content = content[:start] + (key + b"=                  NaN").ljust(80) + content[start + 80 :]
    path.write_bytes(content)
    write_plain_copy(path, copy, None)
    with fits.open(copy) as written:
        written.verify("exception")
        assert "SUNANGLE" not in written[0].header
        assert "ORIENTAT" not in written["SCI", 2].header
        assert written[0].header["TARGNAME"] == "NGC104"
        assert len(written) == 7
