"""What people and programs write where they have no number."""

from __future__ import annotations

#: In lower case; IRAF writes INDEF, astropy --, databases \N, spreadsheets #N/A or an error, others a word.
MISSING = frozenset(
    {
        "", "indef", "nan", "na", "n/a", "null", "none", "--", "---", "-", "...", "masked", "nat", "<na>",
        '""', "\\n", "#n/a", "#null!", "#num!", "#div/0!", "#value!",
    }
)  # fmt: skip
