//! Room for a row that a kernel writes itself.

use mlx_rs::{Array, Dtype, transforms};

use super::{GROWTH_STEP_TOKENS, KvCache, LayerCache, RoomForOne, RotatingKvCache, RowShape};

const ROW: RowShape = RowShape {
    num_key_value_heads: 2,
    head_dim: 4,
    dtype: Dtype::Float32,
};

/// `count` rows of one value, `[1, 2, count, 4]`.
fn rows(count: usize, value: f32) -> Array {
    Array::full::<f32>(&[1, 2, count as i32, 4], Array::from_f32(value)).unwrap()
}

fn full_with(count: usize) -> LayerCache {
    let mut cache = LayerCache::Full(KvCache::default());
    cache.update(&rows(count, 1.0), &rows(count, 2.0)).unwrap();
    transforms::eval(cache.arrays()).unwrap();
    cache
}

fn place(array: &Array) -> *const f32 {
    array.as_slice::<f32>().as_ptr()
}

/// The buffers that a kernel would write into, evaluated, and where they lie.
fn room(cache: &mut LayerCache) -> (Array, [*const f32; 2]) {
    let Some(RoomForOne::InPlace((keys, values))) = cache.room_for_one(&ROW).unwrap() else {
        panic!("a full layer is written in place");
    };
    transforms::eval([&keys, &values]).unwrap();
    let places = [place(&keys), place(&values)];
    (keys, places)
}

#[test]
fn rows_go_into_the_buffer_itself_while_nobody_else_has_it() {
    let mut cache = full_with(3);
    let (_, first) = room(&mut cache);
    cache.filled_one(&rows(1, 0.0));
    assert_eq!(cache.len(), 4);
    assert_eq!(room(&mut cache).1, first);
}

#[test]
fn rows_that_fill_a_buffer_lie_row_by_row_like_any() {
    // As the projections leave them: positions before heads.
    let of_a_pass = |count: usize| {
        let rows = rows(count, 1.0).transpose_axes(&[0, 2, 1, 3]).unwrap();
        let rows = rows.contiguous().unwrap();
        rows.transpose_axes(&[0, 2, 1, 3]).unwrap()
    };
    for mut cache in [
        LayerCache::Full(KvCache::default()),
        LayerCache::Sliding(RotatingKvCache::new(GROWTH_STEP_TOKENS)),
        LayerCache::Sliding(RotatingKvCache::new(1)),
    ] {
        let filling = of_a_pass(GROWTH_STEP_TOKENS);
        cache.update(&filling, &filling).unwrap();
        transforms::eval(cache.arrays()).unwrap();
        for buffer in cache.arrays() {
            buffer.try_as_slice::<f32>().unwrap();
        }
    }
}

#[test]
fn a_copy_of_the_cache_keeps_its_rows() {
    let mut cache = full_with(3);
    let (_, before) = room(&mut cache);
    let mut copy = cache.clone();
    let (keys, moved) = room(&mut cache);
    assert!(moved.iter().all(|place| !before.contains(place)));
    assert_eq!(keys.as_slice::<f32>()[..3 * 4], [1.0; 3 * 4]);
    // Both have buffers of their own now.
    assert_eq!(room(&mut cache).1, moved);
    assert_eq!(room(&mut copy).1, before);
}

#[test]
fn a_full_buffer_grows_with_what_it_holds() {
    let mut cache = full_with(GROWTH_STEP_TOKENS);
    let (keys, _) = room(&mut cache);
    assert_eq!(keys.shape(), [1, 2, 2 * GROWTH_STEP_TOKENS as i32, 4]);
    let per_head = 2 * GROWTH_STEP_TOKENS * 4;
    let held = GROWTH_STEP_TOKENS * 4;
    for head in keys.as_slice::<f32>().chunks(per_head) {
        assert_eq!(head[..held], vec![1.0; held]);
        assert_eq!(head[held..], vec![0.0; per_head - held]);
    }
}

#[test]
fn an_empty_cache_has_room_at_once() {
    let mut cache = LayerCache::Full(KvCache::default());
    let (keys, _) = room(&mut cache);
    assert_eq!(keys.shape(), [1, 2, GROWTH_STEP_TOKENS as i32, 4]);
    let mut ring = LayerCache::Sliding(RotatingKvCache::new(6));
    let Some(RoomForOne::Ring((keys, values))) = ring.room_for_one(&ROW).unwrap() else {
        panic!("a sliding layer has a ring");
    };
    assert_eq!(keys.shape(), [1, 2, 6, 4]);
    ring.turned((keys, values));
    assert_eq!(ring.len(), 1);
}

#[test]
fn what_writes_the_newest_row_is_evaluated_with_the_cache() {
    let mut cache = full_with(3);
    let bytes = cache.nbytes();
    cache.filled_one(&rows(1, 0.0));
    assert_eq!(cache.arrays().len(), 3);
    assert_eq!(cache.nbytes(), bytes);
    // By the next pass it has been evaluated.
    cache.update(&rows(2, 1.0), &rows(2, 2.0)).unwrap();
    assert_eq!(cache.arrays().len(), 2);
}
