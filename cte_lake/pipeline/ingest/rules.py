"""The configuration's exclusions as the rules that screening takes."""

from __future__ import annotations

from cte_lake.config import Config
from cte_lake.config.models import Rule
from cte_lake.frames.screening import POINTING_SCREENS, SCREENS, ScreeningRules


def screening_rules(config: Config) -> ScreeningRules:
    """Build the screening rules; a rule that is off has no reason."""
    stated = config.exclusions

    rules: dict[str, Rule] = {line.rule: getattr(stated, line.rule) for line in (*SCREENS, *POINTING_SCREENS)}
    reasons = {name: rule.reason for name, rule in rules.items() if rule.enabled}
    spellings = {name: tuple(target.names) for name, target in config.targets.items()}
    left_out = stated.targets.targets if stated.targets.enabled else []
    fields = {
        spelling: stated.targets.reason for name in left_out for spelling in (name, *spellings.get(name, ()))
    }
    visits = {}
    for key, why in stated.visits.items():
        proposal, _, visit = key.partition("/")
        if isinstance(why, str):
            visits[int(proposal), visit] = why
    rolled = {name for name, target in config.targets.items() if target.pairing == "180"}
    return ScreeningRules(
        reasons=reasons,
        x_dither_limit=stated.x_dither.limit,
        chip2_limit=config.chips.chip2_max_postarg2,
        chip1_limit=config.chips.chip1_min_postarg2,
        same_chip_targets=frozenset({*stated.x_dither.except_targets, *rolled}),
        fields=fields,
        visits=visits,
        spellings=spellings,
    )
