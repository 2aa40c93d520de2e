//! What the renderer promises, checked on a corpus and on chance.

mod corpus;
mod rendering;
mod streaming;
