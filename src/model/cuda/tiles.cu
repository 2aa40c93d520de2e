// Where each expert's pairs begin among the sorted ones, and the tiles of BM pairs that they make.
// One block. Constants: P (pairs), E, BM, TILES (an upper bound).
for (int e = threadIdx.x; e <= E; e += blockDim.x) {
  int low = 0, high = P;
  while (low < high) {
    const int middle = (low + high) / 2;
    if (sorted[middle] < static_cast<unsigned>(e)) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  starts[e] = low;
}
__syncthreads();
if (threadIdx.x == 0) {
  int tile = 0;
  for (int e = 0; e < E; ++e) {
    for (int row = starts[e]; row < starts[e + 1]; row += BM) {
      tiles[2 * tile] = e;
      tiles[2 * tile + 1] = row;
      ++tile;
    }
  }
  for (; tile < TILES; ++tile) {
    tiles[2 * tile] = -1;
  }
}
