"""The configuration's exclusions as the rules that screening takes."""

from __future__ import annotations

from cte_lake.config import Config
from cte_lake.frames.screening import ScreeningRules


def screening_rules(config: Config) -> ScreeningRules:
    """Build the screening rules; a rule that is off has no reason."""
    stated = config.exclusions

    def reason(name: str) -> str | None:
        rule = getattr(stated, name)
        return rule.reason if rule.enabled else None

    spellings = {name: tuple(target.names) for name, target in config.targets.items()}
    left_out = stated.targets.targets if stated.targets.enabled else []
    fields = {
        spelling: stated.targets.reason for name in left_out for spelling in (name, *spellings.get(name, ()))
    }
    visits = {}
    for key, why in stated.visits.items():
        proposal, _, visit = key.partition("/")
        if why:
            visits[int(proposal), visit] = why
    rolled = {name for name, target in config.targets.items() if target.pairing == "180"}
    return ScreeningRules(
        charge_injection=reason("charge_injection"),
        x_dither=reason("x_dither"),
        sub_dither=reason("sub_dither"),
        binned=reason("binned"),
        subarray=reason("subarray"),
        expflag=reason("expflag"),
        x_dither_limit=stated.x_dither.limit,
        chip2_limit=config.chips.chip2_max_postarg2,
        chip1_limit=config.chips.chip1_min_postarg2,
        same_chip_targets=frozenset({*stated.x_dither.except_targets, *rolled}),
        fields=fields,
        visits=visits,
        spellings=spellings,
    )
