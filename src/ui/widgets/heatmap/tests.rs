//! The map: layouts, the mouse, and cells whose color carries meaning.
