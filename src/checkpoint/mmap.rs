//! The bytes of a weight file: mapped from disk, or built into the program.
#![expect(
    unsafe_code,
    reason = "memory mapping is unsafe: the file may change underneath"
)]

use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::Path;

use memmap2::Mmap;

/// Read-only bytes that live as long as the checkpoint.
#[derive(Debug)]
pub(crate) enum Mapping {
    /// A file on disk; pages are read when touched.
    File(Mmap),
    /// Bytes within the program, or an empty file.
    Static(&'static [u8]),
}

impl Mapping {
    /// Maps a file without reading it.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        if file.metadata()?.len() == 0 {
            return Ok(Self::Static(&[]));
        }
        // SAFETY: the map is read-only. Another process that rewrites or shortens the file while
        // it is open can change or fault these reads; no mapping of weights can exclude that, and
        // our own writers replace files by renaming.
        unsafe { Mmap::map(&file) }.map(Self::File)
    }

    /// All bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Self::File(map) => map,
            Self::Static(bytes) => bytes,
        }
    }

    /// Takes the pages of a range out of this process's memory; touching them reads them again.
    ///
    /// A hint: failure changes memory use and nothing else, so it is not reported.
    pub(crate) fn release(&self, range: &Range<usize>) {
        #[cfg(unix)]
        if let Self::File(map) = self {
            // SAFETY: the map is shared, backed by a file and never written, so that dropped
            // pages come back with the same contents.
            let _ = unsafe {
                map.unchecked_advise_range(
                    memmap2::UncheckedAdvice::DontNeed,
                    range.start,
                    range.len(),
                )
            };
        }
        #[cfg(not(unix))]
        let _ = range;
    }
}
