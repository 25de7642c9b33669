"""A format that a newcomer adds as docs/architecture.md says: a zip archive of arrays and a graph.

`format.py` is the one file of its folder; its row is in `tests/cli/test_made_up_format.py`.
"""
