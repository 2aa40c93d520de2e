#!/usr/bin/env python3
"""Memory that some threads together can read a second: the roof of decoding.

`memcmp` from the C library reads two equal blocks with vector instructions and writes nothing.
"""

import ctypes
import os
import time
from concurrent.futures import ThreadPoolExecutor

BLOCK_BYTES = 256 << 20
ROUNDS = 5


def read_gb_per_second(threads):
    """The best of some rounds, in GB (1e9 bytes) a second."""
    compare = ctypes.CDLL(None).memcmp
    compare.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t]
    # Filled, as untouched memory would be one page of zeros.
    blocks = [ctypes.create_string_buffer(b"\1" * BLOCK_BYTES, BLOCK_BYTES) for _ in range(2)]
    part = BLOCK_BYTES // threads

    def read(index):
        addresses = [ctypes.addressof(block) + index * part for block in blocks]
        if compare(*addresses, part):
            raise SystemExit("memory is broken")

    seconds = []
    # ctypes lets go of the interpreter's lock during the call, so the threads do run together.
    with ThreadPoolExecutor(threads) as pool:
        for _ in range(ROUNDS):
            start = time.perf_counter()
            list(pool.map(read, range(threads)))
            seconds.append(time.perf_counter() - start)
    return 2 * part * threads / min(seconds) / 1e9


if __name__ == "__main__":
    for threads in sorted({1, os.cpu_count()}):
        print(f"{threads} thread(s): {read_gb_per_second(threads):.1f} GB/s")
