"""The loss model: fit it, keep it as a coefficient set, apply it, test it.

Arrays and tables in, arrays and tables out: no lake, no cluster, no configuration objects. How the pieces
hang together and where each formula comes from stands in ``docs/model.md``.
"""
