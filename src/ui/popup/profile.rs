//! An open profile: specialists as a list, all experts by domain, and the shown answer beside it.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Modifier;
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;

use super::page::{Page, Tabbed, first_shown};
use crate::app::State;
use crate::app::profile::{ProfileTab, ProfileView, replicated};
use crate::app::viewport::Viewport;
use crate::ui::chrome::put;
use crate::ui::sanitize::sanitize;
use crate::ui::theme::{Theme, ThemeRole};
use crate::ui::widgets::{ListRows, format};

/// Columns and rows that a profile wants at most.
const MOST: (u16, u16) = (140, 48);

/// Columns of the map's labels.
const LABEL: u16 = 6;

/// Draws the open profile over the screen.
pub(super) fn draw(
    frame: &mut Frame<'_>,
    screen: Rect,
    state: &State,
    theme: &Theme,
    viewport: &mut Viewport,
) {
    let Some(view) = &state.profile else {
        return;
    };
    let footer = match view.tab {
        ProfileTab::Specialists => "Enter its card  d domain  1-3 figures  ? help  Esc closes",
        ProfileTab::Map => "arrows expert  Enter its card  1-3 figures  ? help  Esc closes",
        ProfileTab::Comparison => "1-3 figures  ? help  Esc closes",
    };
    let tabbed = Tabbed {
        title: "profile",
        footer,
        most: MOST,
        tabs: (&ProfileTab::ALL.map(ProfileTab::name), view.tab.index()),
    };
    let mut page = Page::open(frame, screen, &tabbed, theme);
    page.about_profile(view, state);
    viewport.list_rows = page.rest().height.saturating_sub(2).max(1);
    match view.tab {
        ProfileTab::Specialists => page.specialists(view),
        ProfileTab::Map => page.domain_map(view),
        ProfileTab::Comparison => page.comparison(view, state),
    }
}

/// The letter of a domain.
fn letter(domain: usize) -> String {
    let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    letters
        .get(domain)
        .map_or_else(|| "+".to_owned(), |letter| char::from(*letter).to_string())
}

/// The color of a domain; there are more domains than colors, so the letter tells them apart.
fn color(domain: usize) -> ThemeRole {
    let roles = [
        ThemeRole::Series1,
        ThemeRole::Series2,
        ThemeRole::Series3,
        ThemeRole::Series4,
    ];
    roles[domain % roles.len()]
}

impl Page<'_> {
    fn about_profile(&mut self, view: &ProfileView, state: &State) {
        let profile = &view.file.profile;
        let found: usize = profile
            .domains
            .iter()
            .map(|one| one.specialists.len())
            .sum();
        let (layers, experts) = view.file.shape();
        self.text(
            &sanitize(&format!(
                "{}: {}, {layers} layers of {experts} experts; {found} specialists, shuffled \
                 labels give {:.1}",
                view.name, view.file.model, profile.by_chance
            )),
            ThemeRole::Strong,
        );
        if let Some(model) = state
            .model
            .ready()
            .filter(|model| model.name != view.file.model)
        {
            let text = format!(
                "made with another model than the one loaded, {}",
                model.name
            );
            self.text(&sanitize(&text), ThemeRole::Warning);
        }
        self.y += 1;
    }

    fn specialists(&mut self, view: &ProfileView) {
        let domains = &view.file.profile.domains;
        let name = view
            .domain
            .map_or("all domains", |domain| &*domains[domain].name);
        let options = view.file.profile.options;
        self.text(
            &sanitize(&format!(
                "{name}; lift at least {} in both halves; sorted by the lower half's lift",
                options.min_lift
            )),
            ThemeRole::Text,
        );
        let head = format!(
            "  {:<16} {:>5} {:>6} {:>6} {:>5} {:>5} {:>6} {:>6} {:>5}",
            "domain", "layer", "expert", "tokens", "share", "lift", "half 1", "half 2", "lower"
        );
        self.text(
            &head[..head.len().min(usize::from(self.area.width))],
            ThemeRole::Faint,
        );
        let listed = view.rows();
        if listed.is_empty() {
            self.text("no expert is a specialist here", ThemeRole::Faint);
            return;
        }
        let rows: Vec<Line<'_>> = listed
            .iter()
            .map(|(domain, one)| {
                let name = sanitize(&domains[*domain].name).into_owned();
                let name = format::short_text(&name, 14, self.theme.glyph_set()).into_owned();
                Line::from(vec![
                    Span::styled(letter(*domain), self.theme.style(color(*domain))),
                    Span::raw(format!(
                        " {name:<14} {:>5} {:>6} {:>6} {:>5} {:>5.2} {:>6.2} {:>6.2} {:>5.2}",
                        one.layer,
                        one.expert,
                        one.count,
                        format::percent(one.share),
                        one.lift,
                        one.half_lifts[0],
                        one.half_lifts[1],
                        replicated(one),
                    )),
                ])
            })
            .collect();
        let rest = self.rest();
        let list = ListRows {
            rows: &rows,
            selected: Some(view.selected),
            first: view.selected.saturating_sub(usize::from(rest.height) / 2),
            theme: self.theme,
        };
        (&list).render(rest, self.buf);
    }

    fn domain_map(&mut self, view: &ProfileView) {
        let domains = &view.file.profile.domains;
        let owners = view.owners();
        let cell = view.cursor;
        let lifts = domains.iter().enumerate().map(|(index, domain)| {
            let lift = domain.lifts.value(cell.layer, cell.expert);
            format!("{} {} {lift:.2}x", letter(index), domain.name)
        });
        let lifts: Vec<String> = lifts.collect();
        self.text(
            &sanitize(&format!(
                "layer {}, expert {}, lift by domain: {}",
                cell.layer,
                cell.expert,
                lifts.join(", ")
            )),
            ThemeRole::Text,
        );
        self.text(
            "a letter: specialist of that domain; a dot: of none",
            ThemeRole::Faint,
        );
        let rest = self.rest();
        let (layers, experts) = view.file.shape();
        let room = rest.width.saturating_sub(LABEL);
        let columns = if experts as u16 * 2 <= room { 2 } else { 1 };
        let shown = usize::from(room / columns);
        let first = first_shown(cell.expert, experts, shown);
        let rows = usize::from(rest.height.saturating_sub(1));
        let from = first_shown(cell.layer, layers, rows);
        let faint = self.theme.style(ThemeRole::Faint);
        for expert in (first..experts.min(first + shown)).filter(|expert| expert % 8 == 0) {
            let x = LABEL + (expert - first) as u16 * columns;
            put(self.buf, rest, (x, 0), &expert.to_string(), faint);
        }
        for (y, (layer, row)) in (1..rest.height).zip(owners.iter().enumerate().skip(from)) {
            let label = format!("{layer:>4}");
            let role = if layer == cell.layer {
                ThemeRole::AxisMark
            } else {
                ThemeRole::Faint
            };
            let style = self.theme.style(role);
            put(self.buf, rest, (0, y), &label, style);
            for (expert, owner) in row.iter().enumerate().skip(first).take(shown) {
                let x = LABEL + (expert - first) as u16 * columns;
                let (text, role) = owner.map_or((".".to_owned(), ThemeRole::Faint), |domain| {
                    (letter(domain), color(domain))
                });
                let mut style = self.theme.style(role);
                if layer == cell.layer && expert == cell.expert {
                    style = style.add_modifier(Modifier::REVERSED);
                }
                put(self.buf, rest, (x, y), &text, style);
            }
        }
    }

    fn comparison(&mut self, view: &ProfileView, state: &State) {
        let similarities = match state.profile_similarities() {
            Ok(similarities) => similarities,
            Err(problem) => return self.text(&problem, ThemeRole::Warning),
        };
        self.text(
            "how alike the shown answer uses the experts: 1 is the same use in every layer",
            ThemeRole::Text,
        );
        self.y += 1;
        let columns = usize::from(self.area.width.saturating_sub(44).min(60));
        let head = format!("  {:<16} {:>6} {:>8}", "domain", "answer", "prompt");
        self.text(&head, ThemeRole::Faint);
        for one in &similarities {
            let domains = &view.file.profile.domains;
            let index = domains.iter().position(|domain| domain.name == one.domain);
            let index = index.unwrap_or(0);
            let name = sanitize(&one.domain).into_owned();
            let name = format::short_text(&name, 14, self.theme.glyph_set()).into_owned();
            let figures = format!(" {name:<14}   {:>6.3} {:>8.3}  ", one.answer, one.prompt);
            let style = self.theme.style(color(index));
            let at = put(self.buf, self.area, (0, self.y), &letter(index), style);
            let text = self.theme.style(ThemeRole::Text);
            let at = put(self.buf, self.area, (at, self.y), &figures, text);
            let filled = (one.answer.clamp(0.0, 1.0) * columns as f64).round() as usize;
            let bar = self.theme.glyphs().fill.repeat(filled);
            put(self.buf, self.area, (at, self.y), &bar, style);
            self.y += 1;
        }
        self.blank();
        self.text(
            "the bar is the answer's; the prompt is all of it, with system message and earlier \
             turns",
            ThemeRole::Faint,
        );
    }
}
