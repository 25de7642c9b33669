"""Define the public functions of `import edge_imgq`, one file each; the command line calls them.

Heavy packages are imported inside functions, so that `import edge_imgq` is quick.
"""
