"""Damaged tables of tiles are refused before the library's C code sees them."""

import numpy as np
import pytest
from astropy.io import fits

from cte_lake.errors import Rejected
from cte_lake.frames.opening import open_frame
from cte_lake.frames.structure import check_tiles


@pytest.fixture
def packed(tmp_path):
    """A frame packed by Rice's method, with checksums as fpack writes them."""
    path = tmp_path / "frame.fits.fz"
    data = np.random.default_rng(1).normal(100.0, 10.0, (6, 96)).astype(np.float32)
    image = fits.CompImageHDU(data, name="SCI", compression_type="RICE_1")
    fits.HDUList([fits.PrimaryHDU(), image]).writeto(path)
    with fits.open(path, mode="update", disable_image_compression=True, checksum=True) as hdus:
        hdus[1].add_checksum()
    return path


def test_what_fpack_writes_is_read(packed):
    with open_frame(packed) as hdus:
        assert hdus[1].data.shape == (6, 96)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("ZCMPTYPE", "HCOMPRESS_1", "HCOMPRESS_1"),
        ("ZCMPTYPE", "", "no named method"),
        ("ZNAXIS", -1, "ZNAXIS"),
        ("ZNAXIS", 3, "ZNAXIS"),
        ("ZNAXIS1", 97, "ZTILE"),
        ("ZNAXIS1", 0, "ZNAXIS"),
        ("ZNAXIS2", 1000, "1000"),
        ("ZTILE1", 64, "12"),
        ("ZTILE1", 1000, "ZTILE"),
        ("ZTILE2", 0, "ZTILE"),
        ("ZTILE2", 2.5, "ZTILE"),
        ("ZBITPIX", 12, "ZBITPIX"),
        ("ZBITPIX", 16, "Rice"),
        ("ZVAL1", 1000, "Rice"),
        ("ZVAL1", "x", "Rice"),
        ("ZVAL2", 2, "Rice"),
    ],
)
def test_a_damaged_card_is_named(packed, key, value, said):
    with fits.open(packed, disable_image_compression=True) as hdus:
        if key == "ZNAXIS1" and value == 97:
            hdus[1].header["ZTILE1"] = 98
        hdus[1].header[key] = value
        with pytest.raises(Rejected, match=said) as refused:
            check_tiles(hdus, packed, headers_only=True)
    assert refused.value.reason == "bad_header"
    assert "SCI,1" in refused.value.detail


def test_a_flipped_bit_of_a_tile_is_found_by_its_datasum(packed):
    with fits.open(packed, disable_image_compression=True) as hdus:
        place = hdus[1].fileinfo()
    raw = bytearray(packed.read_bytes())
    raw[place["datLoc"] + place["datSpan"] // 2] ^= 1
    packed.write_bytes(bytes(raw))
    with pytest.raises(Rejected, match="DATASUM") as refused, open_frame(packed):
        pass
    assert refused.value.reason == "truncated"
    with open_frame(packed, headers_only=True) as hdus:
        assert hdus[1].header["ZIMAGE"]
