"""Faults against real processes: what must hold is counted, and the counts are printed.

`make test` runs a shorter cut of each, beside other tests unless it is marked `alone`; `make faults` runs them whole
(`CSTAR_FAULTS=full`).
"""
