//! Every tolerance of these tests, by name.

/// Logits in f32; the references differ among themselves by 2.5e-5.
pub const F32_LOGITS: f32 = 1e-4;

/// Single functions in f32 with values of order one.
pub const F32_UNIT: f32 = 1e-5;

/// Two ways through our own f32 code that add up in another order.
pub const F32_REORDERED: f32 = 5e-5;

/// Chosen experts are compared where the k-th and the next logit differ by more.
pub const ROUTING_MARGIN: f32 = 1e-3;

/// Asserts that two slices agree, and says where they differ most.
#[track_caller]
pub fn assert_close(what: &str, actual: &[f32], expected: &[f32], tolerance: f32) {
    assert_eq!(actual.len(), expected.len(), "{what}: lengths differ");
    let (index, error) = actual
        .iter()
        .zip(expected)
        .map(|(a, b)| {
            if a.is_nan() || b.is_nan() {
                f32::INFINITY
            } else {
                (a - b).abs()
            }
        })
        .enumerate()
        .fold(
            (0, 0.0),
            |worst, next| if next.1 > worst.1 { next } else { worst },
        );
    assert!(
        error <= tolerance,
        "{what}: at {index} found {}, expected {}, off by {error:e} (tolerance {tolerance:e})",
        actual[index],
        expected[index]
    );
}
