"""Times PyTorch's scaled_dot_product_attention for AttentionBench, one line a measurement.

reads   threads T | batch heads kvHeads queries context headDim causal(0/1) backward(0/1) repeats
writes  seconds of one pass: the fastest of the repeats
"""
import sys
import time

import torch
import torch.nn.functional as F

clock = time.thread_time if sys.argv[1:] == ["cpu"] else time.perf_counter
print("torch " + torch.__version__, flush=True)
for line in sys.stdin:
    words = line.split()
    if words[0] == "threads":
        torch.set_num_threads(int(words[1]))
        continue
    batch, heads, kv, queries, context, dim, causal, backward, repeats = map(int, words)
    torch.manual_seed(0)
    q = torch.randn(batch, heads, queries, dim, requires_grad=bool(backward))
    k = torch.randn(batch, kv, context, dim, requires_grad=bool(backward))
    v = torch.randn(batch, kv, context, dim, requires_grad=bool(backward))
    g = torch.randn(batch, heads, queries, dim)
    best = 1e9
    for _ in range(repeats):
        start = clock()
        with torch.set_grad_enabled(bool(backward)):
            out = F.scaled_dot_product_attention(
                q, k, v, is_causal=bool(causal), enable_gqa=heads != kv)
            if backward:
                torch.autograd.grad(out, (q, k, v), g)
        best = min(best, clock() - start)
    print(best, flush=True)
