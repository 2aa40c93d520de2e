//! Large pages under weights, on Linux.
#![cfg_attr(
    target_os = "linux",
    expect(unsafe_code, reason = "madvise and the array's address")
)]

use mlx_rs::Array;
use mlx_rs::error::Result;

/// What one large page holds on x86-64, and on Arm with the usual small pages.
#[cfg(target_os = "linux")]
const LARGE_PAGE_BYTES: usize = 2 << 20;

/// Evaluates an array and moves its bytes into large pages, which are read faster.
///
/// A hint: what cannot be moved (no such memory left, Linux before 6.1) stays where it is.
/// Source: Linux's `madvise(2)`, `MADV_COLLAPSE`.
///
/// # Errors
/// When the array cannot be evaluated.
#[cfg(target_os = "linux")]
pub fn use_large_pages(array: &Array) -> Result<()> {
    array.eval()?;
    // SAFETY: the array is evaluated, so that its bytes lie there while it lives.
    let data = unsafe { mlx_sys::mlx_array_data_uint8(array.as_ptr()) };
    let skipped = data.align_offset(LARGE_PAGE_BYTES);
    let whole = array.nbytes().saturating_sub(skipped) / LARGE_PAGE_BYTES * LARGE_PAGE_BYTES;
    if data.is_null() || whole == 0 {
        return Ok(());
    }
    // SAFETY: the range lies within the array's own memory, and the call changes which pages hold it,
    // not what they hold.
    let _ = unsafe {
        libc::madvise(
            data.add(skipped).cast_mut().cast(),
            whole,
            libc::MADV_COLLAPSE,
        )
    };
    Ok(())
}

/// Evaluates an array; other systems choose its pages themselves.
///
/// # Errors
/// When it cannot be evaluated.
#[cfg(not(target_os = "linux"))]
pub fn use_large_pages(array: &Array) -> Result<()> {
    array.eval()
}
