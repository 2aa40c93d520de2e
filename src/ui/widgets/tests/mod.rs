//! Screens of widgets, and every widget in every small area.
