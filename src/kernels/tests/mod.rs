//! Every instruction set that this CPU has against a plain f64 computation.

mod attention;
mod edges;
mod reference;
mod shapes;

use super::{Isa, Pool};
use std::num::NonZeroUsize;

/// Calls `check` with every instruction set there is and some numbers of threads.
fn for_every_pool(num_threads: &[usize], mut check: impl FnMut(&Pool)) {
    for isa in Isa::ALL {
        if !isa.is_available() {
            println!("skipped: this CPU has no {isa}");
            continue;
        }
        for &threads in num_threads {
            let threads = NonZeroUsize::new(threads).unwrap();
            let pool = Pool::new(threads).unwrap().with_isa(isa).unwrap();
            check(&pool.sharing_all());
        }
    }
}
