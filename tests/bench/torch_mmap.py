# SPDX-License-Identifier: Apache-2.0
# torch_mmap.py FILE [RUNS]: median seconds of torch.load(mmap=True) in a warm
# interpreter, as JSON.
import json
import statistics
import sys
import time

import torch

runs = int(sys.argv[2]) if len(sys.argv) > 2 else 5
times = []
for i in range(runs + 1):
    start = time.perf_counter()
    torch.load(sys.argv[1], mmap=True, weights_only=False)
    times.append(time.perf_counter() - start)
print(json.dumps({"torch": torch.__version__,
                  "seconds": statistics.median(times[1:])}))
