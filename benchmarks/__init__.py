"""How fast `cstar` is, beside its peers: `make bench`; the method is in README.md.

__main__.py  the command: which scenarios, how long, where the results go
bench.py     what a scenario is given: effort, figures, a tool that listens
scenarios/   what is measured, a module each
tools.py     who is measured, and how each is started
processes.py a tool as a process: pinned to its core, its CPU time and memory
node.py      a cloud of ours as a process
databases.py what a node keeps its events in, new or filled
mock/        the service and the receiver between which a tool is measured
limit/       a relay in C: the least work for an event
figures.py   values by scenario, subject and metric; medians and ratios
targets.py   what is to be reached, as data
report.py    tables and JSON
drawings.py  which figures are drawn
plots.py     bars and lines, as SVG
"""
