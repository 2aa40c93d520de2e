//! Every tolerance of these tests, by name.

/// Logits in f32; the references differ among themselves by 2.5e-5.
pub(crate) const F32_LOGITS: f32 = 1e-4;

/// Single functions in f32 with values of order one.
pub(crate) const F32_UNIT: f32 = 1e-5;

/// Two ways through our own f32 code that add up in another order.
pub(crate) const F32_REORDERED: f32 = 5e-5;

/// Entropies of routers, from f32 logits within [`F32_LOGITS`] of the reference's.
pub(crate) const ROUTER_ENTROPY: f32 = 2e-4;

/// Probabilities and entropies of a lens against another softmax over the same layer.
pub(crate) const LENS_PROBABILITIES: f32 = 1e-5;

/// Shares of attention in f32 against the definition in f64.
pub(crate) const ATTENTION_SHARES: f32 = 1e-4;

/// The same of the first layer in bf16, whose queries and keys have 8 bits.
pub(crate) const BF16_ATTENTION_SHARES: f32 = 2e-2;

/// Chosen experts are compared where the k-th and the next logit differ by more.
pub(crate) const ROUTING_MARGIN: f32 = 1e-3;

/// bf16 is judged over all rows: how often the most probable token is the same, ...
pub(crate) const BF16_ARGMAX_AGREEMENT: f64 = 0.85;
/// ... the median difference of logits, ...
pub(crate) const BF16_MEDIAN_LOGITS: f32 = 0.4;
/// ... and the mean Kullback-Leibler divergence in nats. All three references are alike.
pub(crate) const BF16_MEAN_KL: f64 = 0.05;

/// Asserts that two slices agree, and says where they differ most.
#[track_caller]
pub(crate) fn assert_close(what: &str, actual: &[f32], expected: &[f32], tolerance: f32) {
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

/// Logits of our CUDA kernels in bf16 against MLX's, `|a - b| / |b|`: the median of many tokens, ...
pub(crate) const CUDA_MEDIAN_ERROR: f32 = 0.04;
/// ... and four of five tokens. In the rest a rounding may have turned a close choice of a router,
/// after which random weights have little in common.
pub(crate) const CUDA_MOST_ERROR: f32 = 0.15;

/// Entropies that a kernel adds up in its own order, in nats.
pub(crate) const ROW_ENTROPY: f32 = 1e-5;
