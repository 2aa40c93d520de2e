//! Pieces of panes: pure functions of slices and a theme.
