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

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;

    /// Memory of this process that is backed by files.
    fn file_backed_bytes() -> usize {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find(|line| line.starts_with("RssFile:"));
        let kib: usize = line
            .unwrap()
            .split_whitespace()
            .nth(1)
            .unwrap()
            .parse()
            .unwrap();
        kib * 1024
    }

    #[test]
    fn released_pages_leave_memory_and_come_back_unchanged() {
        const SIZE: usize = 64 << 20;
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), vec![7u8; SIZE]).unwrap();
        let mapping = Mapping::open(file.path()).unwrap();
        let all_sevens = || mapping.bytes().iter().all(|&byte| byte == 7);
        assert!(all_sevens());
        let touched_bytes = file_backed_bytes();
        mapping.release(&(0..SIZE));
        let released_bytes = file_backed_bytes();
        assert!(
            touched_bytes > released_bytes + SIZE / 2,
            "{touched_bytes} bytes before, {released_bytes} after"
        );
        assert!(all_sevens());
    }
}
