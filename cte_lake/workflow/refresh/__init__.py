"""The unattended job: one command a step, one lock, one log, one record, one line of JSON, one mail.

Run by cron or systemd as ``cte-lake refresh``. `command` runs a step, `findings` asks the lake what came
of it, `letter` writes the mail, `job` puts them together.
"""

from __future__ import annotations

from cte_lake.workflow.refresh.job import MAIL, Refresh, RefreshArguments, night_of, refresh

__all__ = ["MAIL", "Refresh", "RefreshArguments", "night_of", "refresh"]
