"""A reject ends when its file is measured, in whatever state it was refused, or is gone."""

from __future__ import annotations

from cte_lake import open_lake


def refused(lake):
    with open_lake(lake) as opened:
        return {row["path"].rpartition("/")[2] for row in opened.rejects().rows()}


def test_rejects_of_files_measured_since_or_gone_end(run, lake, frames):
    for path in frames.iterdir():
        if path.name != "ic7801aaq_flt.fits":
            path.unlink()
    path = frames / "ic7801aaq_flt.fits"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    bad, link, away = frames / "x_flt.fits", frames / "link_flt.fits", frames / "disk"
    bad.write_bytes(b"no frame")
    link.symlink_to("nowhere")
    away.mkdir()
    (away / "y_flt.fits").write_bytes(b"no frame")
    everything = {path.name, bad.name, link.name, "y_flt.fits"}
    run(frames, away)
    assert refused(lake) == everything
    # The file arrives whole, another goes, a disk is taken away.
    path.write_bytes(whole)
    bad.unlink()
    away.rename(frames.parent / "elsewhere")
    assert run(frames).measured == 1
    assert refused(lake) == {link.name, "y_flt.fits"}
    # What is refused again, in the same words, is on record again.
    bad.write_bytes(b"no frame")
    run(frames)
    assert refused(lake) == {link.name, "y_flt.fits", bad.name}
