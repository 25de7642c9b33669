"""The public functions of `import edge_imgq`, one file each; the command line calls the same.

Their modules import what is heavy inside functions: `import edge_imgq` stays quick.
"""
