#!/usr/bin/env bash
# torch 2.13.0: after the first optimizer, destroy_process_group leaves gloo's threads running.
#
# torch 2.13.0, numpy 2.4.6; Python 3.11, Linux x86-64.
#
# torch.distributed.nn.functional has functions with `group=group.WORLD` as the default of an
# argument. A default is evaluated when the module is imported: before init_process_group it is None,
# afterwards it is the group itself, which the functions then hold for as long as the process lives.
# Nobody need import that module. The first optimizer that is made does, by way of torch._dynamo,
# and that is usually after init_process_group. destroy_process_group then forgets a group that is
# not freed, and its threads wait for peers until the process ends, or abort it while it ends.
#
# A good guess is that destroy_process_group ends what init_process_group began, that a reference of
# one's own is at fault where it does not, or that gc.collect() helps. Importing the module before
# init_process_group does; nothing is held then.
#
# Seen (gloo's threads before and after destroy_process_group, by /proc/self/task):
#   nothing else                      3  0
#   imported before the group         3  0
#   imported while the group is there 3  3
#   an optimizer is made              3  3
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3.11 -m venv "$work/env"
"$work/env/bin/pip" install -q --disable-pip-version-check torch==2.13.0 numpy==2.4.6
cat > "$work/group.py" <<'PYTHON'
import gc
import sys
import time
from pathlib import Path

import torch
import torch.distributed as dist


def threads():
    """Return how many threads of this process are gloo's, once their number stands."""
    time.sleep(0.5)
    return sum("gloo" in name.read_text() for name in Path("/proc/self/task").glob("*/comm"))


case, meeting = sys.argv[1:]
if case == "imported before the group":
    import torch.distributed.nn.functional
dist.init_process_group("gloo", init_method=f"file://{meeting}", rank=0, world_size=1)
if case == "imported while the group is there":
    import torch.distributed.nn.functional
if case == "an optimizer is made":
    torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], lr=0.1)
before = threads()
dist.destroy_process_group()
gc.collect()
after = threads()
print(f"{case:33} {before}  {after}", flush=True)
stays = case in ("imported while the group is there", "an optimizer is made")
assert before and (after == before if stays else after == 0), "the group is held otherwise now"
PYTHON
for case in "nothing else" "imported before the group" "imported while the group is there" \
    "an optimizer is made"; do
    "$work/env/bin/python" "$work/group.py" "$case" "$work/meeting" 2>/dev/null
    rm -f "$work/meeting"
done
