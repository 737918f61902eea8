"""What figures and pages follow from: contents, not names."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

from cte_lake import open_lake
from cte_lake.config import load_settings
from cte_lake.correction.coefficient_files import read_coefficients, sets_in_lake, write_coefficients
from cte_lake.lake.stored import stored
from cte_lake.report.states import lake_state, photometry_state


def _states(root):
    settings = load_settings(root)
    with open_lake(root, settings=settings) as lake:
        return photometry_state(lake, settings), lake_state(lake, settings)


def test_they_change_with_a_set_s_content_and_with_what_was_found(hostile_lake, tmp_path):
    root = tmp_path / "lake"
    shutil.copytree(hostile_lake, root, symlinks=True)
    first = _states(root)
    assert _states(root) == first
    (path,) = sets_in_lake(stored(root))
    known = read_coefficients(path)
    write_coefficients(path, replace(known, coefficients=1.01 * known.coefficients), replace=True)
    second = _states(root)
    assert second[0] != first[0]
    assert second[1] != first[1]
    logs = root / "logs"
    logs.mkdir(exist_ok=True)
    found = {"at": "2026-11-30T04:00:00+00:00", "harmful": 1, "findings": [{"path": "phot/a.parquet"}]}
    (logs / "verify.json").write_text(json.dumps(found))
    audits = {"at": "2026-11-30T04:00:00+00:00", "rows": {}, "meanings": {}}
    third = _states(root)
    (logs / "audit.json").write_text(json.dumps(audits | {"rows": {"duplicate_star": [1]}}))
    fourth = _states(root)
    assert second[0] == third[0] == fourth[0]
    assert len({second[1], third[1], fourth[1]}) == 3
    # Another time at which nothing new was found is no news.
    (logs / "audit.json").write_text(json.dumps(audits | {"at": "x", "rows": {"duplicate_star": [1]}}))
    assert _states(root) == fourth
