"""Every command of the command line, as a trial: with work to do, or something to read."""

from __future__ import annotations

from tests.faults.trials import TRIALS, Trial

_OUT = "-o {place}/out"
#: What reads, or writes a file that is asked for.
READERS = {
    name: Trial(words, ground=ground)
    for name, ground, words in (
        ("status", "measured", "status --lake {lake}"),
        ("doctor", "measured", "doctor --lake {lake}"),
        ("config-show", "measured", "config show --lake {lake}"),
        ("config-default", "measured", "config default"),
        ("master-show", "measured", "master show --lake {lake}"),
        ("schema-show", "measured", "schema show phot"),
        ("schema-check", "measured", "schema check"),
        ("schema-diff", "measured", "schema diff --lake {lake}"),
        ("schema-fill", "measured", "schema fill --lake {lake}"),
        ("verify", "measured", "verify --lake {lake}"),
        ("audit", "measured", "audit --full --lake {lake}"),
        ("measure", "measured", "measure --target ngc104 --flash 0 --lake {lake}"),
        ("sql", "measured", f"sql FROM{{_}}cte_vs_time --lake {{lake}} {_OUT}.csv"),
        ("views-list", "measured", "views"),
        ("export-view", "measured", f"export phot --lake {{lake}} {_OUT}.vot"),
        ("compare", "measured", "compare {lake} {lake}"),
        ("chips", "measured", "chips --target ngc104 --filetype flt --lake {lake}"),
        ("epoch", "measured", "epoch 57601 --target ngc104 --filetype flt --flash 0 --lake {lake}"),
        ("pivot", "measured", "pivot --target ngc104 --lake {lake}"),
        ("predict", "measured", "predict -c simulated_demo_flt_r3 --date 2027-06-01 --flux 500"),
        ("closure", "measured", "closure -n 4 --no-progress"),
        ("consistency", "measured", "consistency --lake {lake}"),
        ("coverage", "measured", "coverage --lake {lake}"),
        ("plot", "measured", f"plot cte-time --target ngc104 --lake {{lake}} {_OUT}.pdf"),
        ("coeffs-list", "measured", "coeffs list --lake {lake}"),
        ("coeffs-show", "measured", "coeffs show simulated_demo_flt_r3"),
        ("coeffs-latex", "measured", "coeffs latex simulated_demo_flt_r3"),
        ("coeffs-diff", "measured", "coeffs diff simulated_demo_flt_r3 simulated_demo_flt_r3"),
        (
            "coeffs-new", "measured",
            "coeffs new mine --values 1,2,3,4,5,6,7,8,9 --source none --flux 500-32000 "
            f"--dates 2009-10-01..2016-09-30 --filetype flt {_OUT}.toml",
        ),
        ("pam", "measured", "pam check {frame}"),
        ("simulate", "measured", "simulate {place}/made --epochs 1 --width 128 --stars 60 --no-progress"),
        ("demo", "measured", "demo {place}/demo --workers 0"),
        ("run", "empty", "run {frames} --lake {lake} --workers 0"),
        ("refresh", "measured", "refresh --step audit --step status --lake {lake}"),
        ("ingest-workers", "empty", "ingest {frames} --lake {lake} --workers 2"),
    )
}  # fmt: skip
COMMANDS = {**TRIALS, **READERS}
