import gzip
import hashlib

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from cte_lake.errors import Rejected
from cte_lake.frames.fitsfile import read_chip, wcs_of
from cte_lake.frames.opening import checksum, open_frame

from .conftest import SHAPE, chip_header


def reason(call, *arguments):
    with pytest.raises(Rejected) as caught:
        call(*arguments)
    return caught.value.reason


@pytest.mark.parametrize("suffix", [".fits", ".fits.gz", ".fits.fz"])
@pytest.mark.parametrize("chip", [1, 2])
def test_a_chip_is_read_with_its_pixels_and_place(make_frame, suffix, chip):
    image = read_chip(make_frame(f"ic7802baq_flt{suffix}"), chip)
    assert image.chip == chip
    assert image.data.shape == image.err.shape == image.dq.shape == SHAPE
    assert (image.data.dtype, image.err.dtype, image.dq.dtype) == (np.float32, np.float32, np.int16)
    assert image.data.dtype.isnative
    # The ramp is 100 y + x + 100000 chip; tile compression rounds to a fraction of the noise.
    assert image.data[7, 5] == pytest.approx(1e5 * chip + 705, abs=2)
    assert (image.column0, image.row0) == (2000, 0)
    # The pixel of the full frame at CRPIX lies on CRVAL.
    header = chip_header(chip)
    assert image.wcs.all_pix2world([[2047.0 - 2000, 1025.0]], 0)[0] == pytest.approx(
        [header["CRVAL1"], header["CRVAL2"]]
    )


def test_reference_area_is_of_chip_2_for_both_chips_and_for_cutouts(make_frame):
    path = make_frame()
    cut = make_frame("ic7802bbq_flt.fits", column0=100)
    areas = {read_chip(file, chip).reference_area for file in (path, cut) for chip in (1, 2)}
    assert np.ptp(list(areas)) < 1e-12 * max(areas)


class TestRefusals:
    def test_filled_with_nan(self, make_frame):
        def fill(hdus):
            hdus[4].data[:] = np.nan

        path = make_frame(edit=fill)
        assert reason(read_chip, path, 1) == "nan_filled"
        assert read_chip(path, 2).data.shape == SHAPE

    def test_some_nan_is_no_reason(self, make_frame):
        def spoil(hdus):
            hdus[1].data[:10] = np.nan

        assert np.isnan(read_chip(make_frame(edit=spoil), 2).data).sum() == 10 * SHAPE[1]

    def test_other_unit(self, make_frame):
        assert reason(read_chip, make_frame(sci1={"BUNIT": "ELECTRONS/S"}), 2) == "wrong_unit"

    def test_other_chip(self, make_frame):
        assert reason(read_chip, make_frame(sci1={"CCDCHIP": 1}), 2) == "wrong_chip"

    def test_missing_extension(self, make_frame):
        assert reason(read_chip, make_frame(edit=lambda hdus: hdus.pop(3)), 2) == "missing_extension"

    def test_planes_of_different_shape(self, make_frame):
        def shrink(hdus):
            hdus[2] = fits.ImageHDU(hdus[2].data[:-1], hdus[2].header)

        assert reason(read_chip, make_frame(edit=shrink), 2) == "bad_shape"

    def test_plane_without_pixels(self, make_frame):
        assert reason(
            read_chip, make_frame(edit=lambda hdus: setattr(hdus[2], "data", None)), 2
        ) == "bad_shape"  # fmt: skip

    @pytest.mark.parametrize("suffix", [".fits", ".fits.gz", ".fits.fz"])
    def test_cut_short(self, make_frame, suffix):
        path = make_frame(f"ic7802baq_flt{suffix}")
        path.write_bytes(path.read_bytes()[:-3000])
        assert reason(read_chip, path, 1) in {"truncated", "missing_extension"}

    def test_damaged_compressed_pixels(self, make_frame):
        path = make_frame("ic7802baq_flt.fits.fz")
        with fits.open(path, disable_image_compression=True) as hdus:
            info = hdus[1].fileinfo()
            heap = info["datLoc"] + hdus[1].header["NAXIS1"] * hdus[1].header["NAXIS2"]
        raw = bytearray(path.read_bytes())
        raw[info["datLoc"] : heap] = b"\xff" * (heap - info["datLoc"])
        path.write_bytes(bytes(raw))
        assert reason(read_chip, path, 2) == "truncated"


def test_an_error_of_the_caller_is_not_taken_for_a_broken_file(make_frame):
    with pytest.raises(KeyError, match="our own"), open_frame(make_frame()):
        raise KeyError("our own")


class TestWcs:
    def test_from_file_and_from_header_are_the_same(self, make_frame):
        path = make_frame(column0=0)
        sky = wcs_of(path, 1).all_pix2world([[10.0, 20.0]], 0)
        assert np.array_equal(sky, wcs_of(chip_header(1), 1).all_pix2world([[10.0, 20.0]], 0))

    def test_cards_replace_the_headers_wcs(self, make_frame):
        path = make_frame()
        shifted = {"CRVAL1": 5.7, "CRVAL2": -72.0, "WCSNAME": "aligned"}
        image = read_chip(path, 2, shifted)
        assert image.wcs.wcs.crval == pytest.approx([5.7, -72.0])
        assert image.wcs.sip.a[2, 0] == chip_header(2)["A_2_0"]
        with fits.open(path) as hdus:
            assert hdus[1].header["CRVAL1"] != 5.7

    def test_cards_with_sip_replace_all_of_it(self):
        cards = {"A_ORDER": 2, "B_ORDER": 2, "A_2_0": 1e-6, "B_0_2": 2e-6}
        sip = wcs_of(chip_header(2), 2, cards).sip
        assert sip.a.shape == (3, 3)
        assert (sip.a[2, 0], sip.a[1, 1], sip.b[0, 2]) == (1e-6, 0.0, 2e-6)

    def test_no_wcs(self):
        header = chip_header(2)
        del header["CRVAL1"]
        assert reason(wcs_of, header, 2) == "no_wcs"

    def test_lookup_tables_come_from_the_file(self, make_frame):
        path = make_frame(edit=add_tables, column0=0)
        image = read_chip(path, 2)
        assert image.wcs.cpdis1 is not None
        sky = image.wcs.all_pix2world([[20.0, 30.0]], 0)
        assert WCS(chip_header(2)).all_world2pix(sky, 0)[0] == pytest.approx([20.5, 30.0], abs=0.02)

    def test_tables_promised_but_absent(self, make_frame):
        def promise(hdus):
            add_tables(hdus)
            del hdus["WCSDVARR"]

        with pytest.raises(Rejected, match="CPDIS1=LOOKUP and no extension WCSDVARR,1;") as caught:
            read_chip(make_frame(edit=promise), 2)
        assert caught.value.reason == "no_wcs"


def add_tables(hdus):
    """A shift of half a pixel along x on chip 2, as lookup tables of the distortion paper."""
    header = hdus[1].header
    for axis, shift in ((1, 0.5), (2, 0.0)):
        table = fits.ImageHDU(np.full((33, 65), shift, np.float32), name="WCSDVARR", ver=axis)
        table.header.update(CRVAL1=1.0, CRVAL2=1.0, CRPIX1=1.0, CRPIX2=1.0, CDELT1=64.0, CDELT2=64.0)
        hdus.append(table)
        header[f"CPDIS{axis}"] = "LOOKUP"
        for field, value in (("EXTVER", axis), ("NAXES", 2), ("AXIS.1", 1), ("AXIS.2", 2)):
            header.append((f"DP{axis}", f"{field}: {value:.1f}"))


class TestChecksum:
    def test_is_blake2b_of_the_bytes(self, tmp_path):
        path = tmp_path / "a.bin"
        path.write_bytes(b"cte" * 100_000)
        assert checksum(path) == hashlib.blake2b(b"cte" * 100_000, digest_size=16).hexdigest()

    def test_one_byte_changes_it(self, make_frame):
        path = make_frame()
        before = checksum(path)
        raw = bytearray(path.read_bytes())
        raw[-100] ^= 1
        path.write_bytes(bytes(raw))
        assert checksum(path) != before

    def test_absent_file(self, tmp_path):
        assert reason(checksum, tmp_path / "none.fits") == "unreadable"


def test_gzip_and_plain_have_the_same_pixels(make_frame):
    plain = make_frame()
    packed = plain.with_name("ic7802baq_flt.fits.gz")
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert np.array_equal(read_chip(plain, 1).data, read_chip(packed, 1).data)
    # Names that browsers and servers leave: unpacked and still called .gz, packed and not called so.
    exchanged = plain.read_bytes(), packed.read_bytes()
    packed.write_bytes(exchanged[0])
    plain.write_bytes(exchanged[1])
    assert np.array_equal(read_chip(plain, 1).data, read_chip(packed, 1).data)


@pytest.mark.parametrize("suffix", [".fits", ".fits.gz"])
@pytest.mark.parametrize("plane", ["SCI", "ERR", "DQ"])
def test_pixels_are_those_of_the_datasum(make_frame, plane, suffix):
    path = make_frame()
    with fits.open(path) as hdus:
        hdus.writeto(path.with_name("summed_flt.fits"), checksum=True)
        stated = hdus[plane, 1]
        stated.header["DATASUM"] = str(stated.add_datasum() + 1)
        hdus.writeto(path, overwrite=True)
    assert read_chip(path.with_name("summed_flt.fits"), 2).data.shape == SHAPE
    if suffix.endswith(".gz"):
        path = path.with_name("ic7802baq_flt.fits.gz")
        path.write_bytes(gzip.compress(path.with_suffix("").read_bytes()))
    with pytest.raises(Rejected, match=f"DATASUM='.*' of {plane},1 is not that of its pixels"):
        read_chip(path, 2)
    assert read_chip(path, 1).data.shape == SHAPE


@pytest.mark.parametrize(("said", "readable"), [("", True), ("unknown", False)])
def test_a_datasum_that_is_no_number(make_frame, said, readable):
    path = make_frame(sci1={"DATASUM": said})
    if readable:
        assert read_chip(path, 2).data.shape == SHAPE
    else:
        assert reason(read_chip, path, 2) == "truncated"


@pytest.mark.parametrize("flags", [np.float32(4), np.int32(1 << 20), np.int32(-(1 << 20))])
def test_flags_that_are_none_are_refused(make_frame, flags):
    def change(hdus):
        hdus["DQ", 1].data = np.full(hdus["DQ", 1].shape, flags)

    with pytest.raises(Rejected, match=r"DQ,1 of .* flags of 16 bits"):
        read_chip(make_frame(edit=change), 2)


def test_flags_of_16_bits_keep_them_in_any_type(make_frame):
    def change(hdus):
        hdus["DQ", 1].data = np.full(hdus["DQ", 1].shape, 32768 + 4, np.uint16)
        hdus["DQ", 2].data = np.full(hdus["DQ", 2].shape, 32768 + 4, np.int32)

    frame = make_frame(edit=change)
    for chip in (1, 2):
        assert set((read_chip(frame, chip).dq.astype(int) & 0xFFFF).flat) == {32768 + 4}


def test_what_float32_cannot_hold_is_infinite(make_frame):
    def change(hdus):
        pixels = hdus["SCI", 1].data.astype(np.float64)
        pixels[3, 4] = 1e300
        hdus["SCI", 1].data = pixels

    assert np.isinf(read_chip(make_frame(edit=change), 2).data[3, 4])


def test_a_scaled_error_plane_is_refused(make_frame):
    def change(hdus):
        hdus["ERR", 2].header["BSCALE"] = 0.5

    with pytest.raises(Rejected, match=r"ERR,2 of .*BSCALE=0.5"):
        read_chip(make_frame(edit=change), 1)
