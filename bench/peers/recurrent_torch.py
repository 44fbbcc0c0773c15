"""Times PyTorch's nn.LSTM, nn.GRU and nn.RNN for RecurrentBench, one line a measurement.

reads   threads T
        case KIND sequences tokens in hidden      (KIND: LSTM, GRU or RNN)
        forward N | both N
writes  its version first; seconds of N runs, after `forward` (without gradients) and `both`
"""
import sys
import time

import torch
from torch import nn

clock = time.thread_time if sys.argv[1:] == ["cpu"] else time.perf_counter
print("PyTorch " + torch.__version__, flush=True)
model = x = d = None
for line in sys.stdin:
    words = line.split()
    if words[0] == "threads":
        torch.set_num_threads(int(words[1]))
    elif words[0] == "case":
        sequences, tokens, width, hidden = map(int, words[2:])
        model = getattr(nn, words[1])(width, hidden, batch_first=True)
        x = torch.randn(sequences, tokens, width, requires_grad=True)
        d = torch.randn(sequences, tokens, hidden)
    else:
        begun = clock()
        for _ in range(int(words[1])):
            if words[0] == "forward":
                with torch.no_grad():
                    model(x)
            else:
                model.zero_grad(set_to_none=True)
                x.grad = None
                model(x)[0].backward(d)
        print(clock() - begun, flush=True)
