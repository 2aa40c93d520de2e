// Before qkv.cu, for a full layer: the row goes into the buffers themselves, whose place `position`
// nobody reads yet. MLX knows them as inputs; src/model/cache/full.rs says why that is safe.
const int capacity = keys_shape[2];
const int slot = position[0];
T* const key_rows = const_cast<T*>(keys);
T* const value_rows = const_cast<T*>(values);
