"""Run the command line: `python -m edge_imgq` is `edge-imgq`."""

import sys

from edge_imgq.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
