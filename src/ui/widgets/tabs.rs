//! A row of views, one of them open.

use std::ops::Range;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::Widget;

use super::text::{put, width};
use crate::ui::theme::{Theme, ThemeRole};

/// One view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tab<'a> {
    /// The key that opens it.
    pub key: &'a str,
    /// Its name.
    pub name: &'a str,
}

/// A row of views; the open one stands in brackets. Where names do not fit, keys remain.
#[derive(Debug, Clone)]
pub struct Tabs<'a> {
    /// The views.
    pub tabs: &'a [Tab<'a>],
    /// Which one is open.
    pub selected: usize,
    /// The looks.
    pub theme: &'a Theme,
}

impl Tabs<'_> {
    /// Columns that all names take.
    pub fn full_width(&self) -> u16 {
        self.labels(true).iter().map(|label| width(label)).sum()
    }

    /// The columns of each view, for the mouse; views that do not fit are left out.
    pub fn ranges(&self, area: Rect) -> Vec<(usize, Range<u16>)> {
        let mut x = area.x;
        let labels = self.labels(self.full_width() <= area.width);
        let ranges = labels.iter().enumerate().map(|(index, label)| {
            let start = x;
            x = x.saturating_add(width(label));
            (index, start..x)
        });
        ranges
            .take_while(|(_, range)| range.end <= area.right())
            .collect()
    }

    /// Each view as drawn: one column before and after it, for the brackets.
    fn labels(&self, with_names: bool) -> Vec<String> {
        let label = |(index, tab): (usize, &Tab<'_>)| {
            let selected = index == self.selected;
            let text = if with_names || selected {
                format!("{} {}", tab.key, tab.name)
            } else {
                tab.key.to_owned()
            };
            if selected {
                format!("[{text}]")
            } else {
                format!(" {text} ")
            }
        };
        self.tabs.iter().enumerate().map(label).collect()
    }
}

impl Widget for &Tabs<'_> {
    fn render(self, area: Rect, buf: &mut Buffer) {
        let area = area.intersection(buf.area);
        let labels = self.labels(self.full_width() <= area.width);
        for (index, columns) in self.ranges(area) {
            let role = if index == self.selected {
                ThemeRole::Selection
            } else {
                ThemeRole::KeyLabel
            };
            put(
                buf,
                area,
                (columns.start - area.x, 0),
                &labels[index],
                self.theme.style(role),
            );
        }
    }
}
