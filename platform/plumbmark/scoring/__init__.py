"""Pure scorers, metrics, intervals, paired tests and ranking."""

import os

# Before NumPy is loaded. Products of matrices are small here: further threads would mostly wait for
# each other, at the cost of processor time and memory, and a worker has other processes beside it.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
