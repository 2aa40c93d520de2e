//! What is printed: a row now and then, slopes at the end.

/// A cached run beside a fresh one.
#[derive(Clone, Copy)]
pub(crate) struct Drift {
    /// The largest difference of a log-probability.
    pub(crate) logprob: f32,
    pub(crate) prompt_tokens: usize,
    /// Those that the cached run did not compute. Where there are none, nothing was compared.
    pub(crate) reused_tokens: usize,
}

/// What was measured after a turn.
#[derive(Clone, Copy)]
pub(crate) struct Row {
    pub(crate) turn: usize,
    pub(crate) resident_bytes: u64,
    pub(crate) heap_bytes: u64,
    pub(crate) device_bytes: u64,
    pub(crate) session_bytes: u64,
    pub(crate) tokens: usize,
    pub(crate) drift: Option<Drift>,
}

pub(crate) struct Table {
    rows: Vec<Row>,
    /// Turns that fill pools and caches for the first time; the slopes leave them out.
    warm_up: usize,
}

/// One of a row's figures.
type Figure = fn(&Row) -> f64;

impl Table {
    pub(crate) fn new(turns: usize) -> Self {
        Self {
            rows: Vec::with_capacity(turns),
            warm_up: turns / 10,
        }
    }

    pub(crate) fn print_head() {
        println!(
            "| turn | tokens | resident MiB | heap MiB | MLX active MiB | session KiB | from cache | drift |"
        );
        println!("|---:|---:|---:|---:|---:|---:|---:|---:|");
    }

    /// Takes a row in, and prints it where it has a drift.
    pub(crate) fn add(&mut self, row: Row) {
        if let Some(drift) = row.drift {
            println!(
                "| {} | {} | {:.1} | {:.2} | {:.2} | {:.0} | {} of {} | {:.1e} |",
                row.turn,
                row.tokens,
                mib(row.resident_bytes),
                mib(row.heap_bytes),
                mib(row.device_bytes),
                row.session_bytes as f64 / 1024.0,
                drift.reused_tokens,
                drift.prompt_tokens,
                drift.logprob,
            );
        }
        self.rows.push(row);
    }

    /// Prints the slopes; returns the largest drift, if any was measured on a cache that was used.
    pub(crate) fn print_summary(&self) -> Option<f32> {
        let settled = &self.rows[self.warm_up.min(self.rows.len())..];
        let half = &self.rows[self.rows.len() / 2..];
        let lines: [(&str, Figure); 4] = [
            ("resident memory", |row| row.resident_bytes as f64),
            ("Rust's heap", |row| row.heap_bytes as f64),
            ("MLX active memory", |row| row.device_bytes as f64),
            ("session file", |row| row.session_bytes as f64),
        ];
        println!();
        for (name, value) in lines {
            let (slope, fit) = slope_of(settled, value);
            let (late, _) = slope_of(half, value);
            println!(
                "{name}: {slope:.0} bytes a turn after {} turns (r2 {fit:.4}), {late:.0} in the second half",
                self.warm_up
            );
        }
        let drifts = self.rows.iter().filter_map(|row| row.drift);
        let drifts = drifts.filter(|drift| drift.reused_tokens > 0);
        let drift = drifts.map(|drift| drift.logprob).reduce(f32::max);
        if let Some(drift) = drift {
            println!("largest drift of a log-probability: {drift:.1e}");
        }
        drift
    }
}

/// The slope over turns by least squares, and how much of the variance the line explains.
fn slope_of(rows: &[Row], value: fn(&Row) -> f64) -> (f64, f64) {
    let count = rows.len().max(1) as f64;
    let mean_turn = rows.iter().map(|row| row.turn as f64).sum::<f64>() / count;
    let mean = rows.iter().map(value).sum::<f64>() / count;
    let (mut turns, mut values, mut both) = (0.0, 0.0, 0.0);
    for row in rows {
        let (dx, dy) = (row.turn as f64 - mean_turn, value(row) - mean);
        turns += dx * dx;
        values += dy * dy;
        both += dx * dy;
    }
    let slope = if turns > 0.0 { both / turns } else { 0.0 };
    let fit = if values > 0.0 {
        slope * both / values
    } else {
        1.0
    };
    (slope, fit)
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
