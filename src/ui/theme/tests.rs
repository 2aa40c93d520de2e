//! Contrast, conversions down, and palettes from files.

use ratatui::style::{Color, Modifier};

use super::color::NAMED;
use super::*;

const DARK_BACKGROUNDS: [Rgb; 2] = [Rgb(0, 0, 0), Rgb(0x10, 0x14, 0x18)];
const LIGHT_BACKGROUNDS: [Rgb; 1] = [Rgb(255, 255, 255)];

fn specs() -> impl Iterator<Item = ThemeSpec> {
    PaletteName::ALL.into_iter().flat_map(|name| {
        [Backdrop::Dark, Backdrop::Light].map(|backdrop| ThemeSpec::embedded(name, backdrop))
    })
}

fn backgrounds(backdrop: Backdrop) -> &'static [Rgb] {
    match backdrop {
        Backdrop::Dark => &DARK_BACKGROUNDS,
        Backdrop::Light => &LIGHT_BACKGROUNDS,
    }
}

/// The value that a color is likely to have; none for the terminal's own.
fn value_of(color: Option<Color>) -> Option<Rgb> {
    match color? {
        Color::Rgb(red, green, blue) => Some(Rgb(red, green, blue)),
        Color::Indexed(index) => Some(Rgb::of_index(index)),
        Color::Reset => None,
        named => {
            let found = NAMED.iter().find(|(color, _)| *color == named);
            Some(found.expect("a named color").1)
        }
    }
}

/// Every text role's contrast reaches `least(role)`.
fn check_contrast(depth: ColorDepth, least: impl Fn(ThemeRole) -> f64) {
    for mut spec in specs() {
        spec.depth = depth;
        let theme = Theme::new(&spec);
        for role in ThemeRole::ALL.into_iter().filter(|role| role.is_text()) {
            let style = theme.style(role);
            let Some(fg) = value_of(style.fg) else {
                continue;
            };
            let own = value_of(style.bg);
            let around = own.map_or(backgrounds(theme.backdrop()).to_vec(), |own| vec![own]);
            for background in around {
                let contrast = fg.contrast(background);
                assert!(
                    contrast >= least(role),
                    "{} {:?} {role:?}: {contrast:.2} on {background:?}",
                    theme.name(),
                    theme.backdrop(),
                );
            }
        }
    }
}

#[test]
fn text_is_readable_in_full_color() {
    check_contrast(ColorDepth::TrueColor, |role| match role {
        ThemeRole::Faint => 3.0,
        _ => 4.5,
    });
}

#[test]
fn text_is_readable_with_256_colors() {
    check_contrast(ColorDepth::Ansi256, |role| match role {
        ThemeRole::Faint => 3.0,
        _ => 4.0,
    });
}

#[test]
fn text_is_readable_with_sixteen_colors() {
    check_contrast(ColorDepth::Ansi16, |_| 3.0);
}

#[test]
fn each_depth_uses_only_its_colors() {
    for depth in [ColorDepth::NoColor, ColorDepth::Ansi16, ColorDepth::Ansi256] {
        for mut spec in specs() {
            spec.depth = depth;
            let theme = Theme::new(&spec);
            for role in ThemeRole::ALL {
                let style = theme.style(role);
                for color in [style.fg, style.bg].into_iter().flatten() {
                    let fine = match depth {
                        ColorDepth::NoColor => false,
                        ColorDepth::Ansi16 => NAMED.iter().any(|(named, _)| *named == color),
                        _ => matches!(color, Color::Indexed(16..)),
                    };
                    assert!(fine, "{} {role:?} at {depth:?}: {color:?}", theme.name());
                }
            }
        }
    }
}

#[test]
fn only_marks_paint_their_background() {
    let marks = [
        ThemeRole::Selection,
        ThemeRole::Match,
        ThemeRole::MatchCurrent,
        ThemeRole::AxisMark,
    ];
    for spec in specs() {
        let theme = Theme::new(&spec);
        for role in ThemeRole::ALL
            .into_iter()
            .filter(|role| !marks.contains(role))
        {
            assert_eq!(theme.style(role).bg, None, "{} {role:?}", theme.name());
        }
    }
}

#[test]
fn without_color_marks_differ_by_attributes() {
    let theme = Theme::new(&ThemeSpec::embedded(PaletteName::Mono, Backdrop::Dark));
    let modifiers = |role| theme.style(role).add_modifier;
    for role in [
        ThemeRole::Selection,
        ThemeRole::Cursor,
        ThemeRole::Match,
        ThemeRole::MatchCurrent,
        ThemeRole::AxisMark,
        ThemeRole::TitleFocused,
        ThemeRole::Warning,
        ThemeRole::Danger,
        ThemeRole::Faint,
    ] {
        assert_ne!(modifiers(role), modifiers(ThemeRole::Text), "{role:?}");
    }
    assert_ne!(
        modifiers(ThemeRole::Match),
        modifiers(ThemeRole::MatchCurrent)
    );
    assert_ne!(modifiers(ThemeRole::Warning), modifiers(ThemeRole::Danger));
    assert!(modifiers(ThemeRole::Cursor).contains(Modifier::REVERSED));
}

#[test]
fn embedded_palettes_name_every_role() {
    for text in [
        include_str!("../../../assets/themes/dark.toml"),
        include_str!("../../../assets/themes/light.toml"),
        include_str!("../../../assets/themes/contrast.toml"),
    ] {
        let file: toml::Table = text.parse().unwrap();
        for (side, roles) in file {
            assert_eq!(
                roles.as_table().unwrap().len(),
                ThemeRole::ALL.len(),
                "{side}"
            );
        }
    }
}

#[test]
fn a_file_changes_what_it_names_and_keeps_the_rest() {
    let own = Palette::parse("own", "[dark]\naccent = { fg = \"#ff0000\" }\n").unwrap();
    let (backdrop, colors) = own.colors(Backdrop::Light);
    assert_eq!(backdrop, Backdrop::Dark, "the only side that it has");
    let accent = colors[ThemeRole::Accent.index()];
    assert_eq!(accent.fg, Some(Rgb(255, 0, 0)));
    assert_eq!(
        accent.ansi,
        Some(Color::LightRed),
        "the nearest named color"
    );
    let (_, base) = Palette::embedded(PaletteName::Dark).colors(Backdrop::Dark);
    assert_eq!(
        colors[ThemeRole::Danger.index()],
        base[ThemeRole::Danger.index()]
    );
}

#[test]
fn a_wrong_file_is_refused_with_its_place() {
    for (text, part) in [
        ("", "found neither"),
        ("[dark]\nacent = { fg = \"#fff000\" }", "acent"),
        ("[dark]\naccent = { fg = \"reddish\" }", "reddish"),
        ("[dark]\n\naccent = { ansi = \"#ff0000\" }", "line 3"),
        ("[dusk]\n", "dusk"),
        ("dark", "line 1"),
    ] {
        let error = Palette::parse("own", text).unwrap_err().to_string();
        assert!(error.contains(part), "{text:?}: {error}");
    }
}

#[test]
fn ramps_start_near_the_background_and_are_monotone() {
    for kind in [RampKind::Viridis, RampKind::Cividis, RampKind::Magma] {
        for backdrop in [Backdrop::Dark, Backdrop::Light] {
            let ramp = HeatRamp::sequential(kind, backdrop, ColorDepth::TrueColor);
            let background = backgrounds(backdrop)[0];
            let contrasts: Vec<f64> = (0..24)
                .map(|step| value_of(ramp.color(step as f32 / 23.0)).unwrap())
                .map(|color| color.contrast(background))
                .collect();
            assert!(
                contrasts.is_sorted(),
                "{kind:?} {backdrop:?}: {contrasts:?}"
            );
            assert!(contrasts[23] / contrasts[0] > 5.0, "{kind:?} {backdrop:?}");
        }
    }
}

#[test]
fn a_ramp_has_few_colors_and_a_cursor_apart_from_them() {
    for kind in [RampKind::Viridis, RampKind::Cividis, RampKind::Magma] {
        let ramp = HeatRamp::sequential(kind, Backdrop::Dark, ColorDepth::TrueColor);
        let mut colors: Vec<_> = (0..1000).map(|i| ramp.color(i as f32 / 999.0)).collect();
        assert!(!colors.contains(&ramp.cursor_color()));
        colors.dedup();
        assert_eq!(colors.len(), 24);
        assert_eq!(ramp.color(f32::NAN), None);
        assert_eq!(ramp.color(7.0), ramp.color(1.0));
    }
}

#[test]
fn without_colors_glyphs_carry_the_value() {
    for (set, expected) in [(GlyphSet::Unicode, " ·░▒▓█"), (GlyphSet::Ascii, " .:+*#")] {
        let ramp = HeatRamp::sequential(RampKind::Viridis, Backdrop::Dark, ColorDepth::NoColor);
        let drawn: String = (0..6)
            .map(|i| ramp.glyph(i as f32 / 5.0, set.glyphs()).0)
            .collect();
        assert_eq!(drawn, expected);
        assert_eq!(
            ramp.glyph(0.001, set.glyphs()).0,
            &expected[1..].chars().next().unwrap().to_string()
        );
        assert_eq!(ramp.color(0.5), None);
    }
}

#[test]
fn differences_keep_their_sign_without_color() {
    let ramp = HeatRamp::diverging(Backdrop::Dark, ColorDepth::NoColor);
    for set in [GlyphSet::Unicode, GlyphSet::Ascii] {
        let glyph = |value| ramp.glyph(value, set.glyphs()).0;
        assert_eq!(glyph(0.5), " ");
        for step in 1..=5 {
            let by = step as f32 * 0.1;
            assert_ne!(glyph(0.5 + by), glyph(0.5 - by), "{set:?} {by}");
        }
    }
}

#[test]
fn the_ascii_set_is_ascii_and_every_glyph_is_one_column() {
    use unicode_width::UnicodeWidthStr;
    for set in [GlyphSet::Unicode, GlyphSet::Ascii] {
        let glyphs = set.glyphs();
        let single = [
            glyphs.bars,
            glyphs.partial,
            &glyphs.density,
            &glyphs.negative,
            &glyphs.corners,
            glyphs.spinner,
            &[
                glyphs.horizontal,
                glyphs.vertical,
                glyphs.fill,
                glyphs.rest,
                glyphs.track,
                glyphs.knob,
                glyphs.selected,
                glyphs.chosen,
                glyphs.warning,
                glyphs.separator,
                glyphs.thumb,
            ],
        ];
        for glyph in single.into_iter().flatten() {
            assert_eq!(glyph.width(), 1, "{glyph}");
            assert!(set == GlyphSet::Unicode || glyph.is_ascii(), "{glyph}");
        }
        assert!(set == GlyphSet::Unicode || glyphs.ellipsis.is_ascii());
    }
}

#[test]
fn the_spinner_turns_with_time() {
    let glyphs = GlyphSet::Ascii.glyphs();
    let turn: String = (0..5).map(|i| glyphs.spinner_at(i * 100)).collect();
    assert_eq!(turn, "|/-\\|");
}
