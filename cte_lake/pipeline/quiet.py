"""Keeping the libraries' talk away from our output: what matters of it is in their results."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator

from astropy.utils.exceptions import AstropyWarning


@contextlib.contextmanager
def silenced(*libraries: str) -> Iterator[None]:
    """Within the block, let the named libraries log nothing, print nothing and warn of no header card.

    Their modules set log levels of their own, so only cutting the branch off from the root helps.
    """
    for library in libraries:
        logger = logging.getLogger(library)
        logger.propagate = False
        if not logger.handlers:
            logger.addHandler(logging.NullHandler())
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore", AstropyWarning)
        yield
