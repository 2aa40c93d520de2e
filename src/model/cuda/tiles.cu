// Where each expert's pairs begin among the sorted ones, and the tiles of BM pairs that they make.
// One block. Constants: E, BM.
__shared__ int first[E + 1];
__shared__ int first_tile[E + 1];
const int pairs = sorted_shape[0];
for (int e = threadIdx.x; e <= E; e += blockDim.x) {
  int low = 0, high = pairs;
  while (low < high) {
    const int middle = (low + high) / 2;
    if (sorted[middle] < static_cast<unsigned>(e)) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  first[e] = low;
  starts[e] = low;
}
__syncthreads();
if (threadIdx.x == 0) {
  int tile = 0;
  for (int e = 0; e < E; ++e) {
    first_tile[e] = tile;
    tile += (first[e + 1] - first[e] + BM - 1) / BM;
  }
  first_tile[E] = tile;
}
__syncthreads();
for (int e = threadIdx.x; e < E; e += blockDim.x) {
  int tile = first_tile[e];
  for (int row = first[e]; row < first[e + 1]; row += BM) {
    tiles[2 * tile] = e;
    tiles[2 * tile + 1] = row;
    ++tile;
  }
}
// Every expert may leave one tile unfilled: so many there are room for.
for (int tile = first_tile[E] + threadIdx.x; tile < pairs / BM + E; tile += blockDim.x) {
  tiles[2 * tile] = -1;
}
