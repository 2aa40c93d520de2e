//! The map, its read-outs and the panes beside it say only what is true.

use gptoss::analytics::{Measure, Scale, Selection};
use gptoss::app::map::{Cell, MapCells, MapSource, TokenCursor, Zoom};
use gptoss::app::sampling::Knob;
use gptoss::app::{Effect, Focus, Input, MouseInput, MouseKind, State};
use gptoss::ui::theme::{ColorDepth, GlyphSet, PaletteName, Theme};

use crate::panes::{draw_pane, rig_of, text_of, theme, words};
use crate::rig::Rig;

#[test]
fn dump() {
    for size in [(80, 24), (100, 30), (120, 40), (200, 60)] {
        let mut rig = rig_of(24, 32);
        rig.input(Input::Resize { columns: size.0, rows: size.1 });
        rig.state.is_sampler_open = true;
        rig.state.sampling.stop = vec!["a long stop text".into(), "and another".into()];
        rig.state.sampling.params.logit_bias = [(17, -5.0), (20000, 2.5), (12345, 1.25)].into_iter().collect();
        rig.draw();
        println!("{size:?}\n{}", rig.text());
    }
    let mut rig = rig_of(24, 32);
    for source in [MapSource::Token, MapSource::Cumulative, MapSource::FinalMinusAnalysis] {
        rig.state.map.source = source;
        for zoom in [Zoom::Strip, Zoom::Overview, Zoom::Layer, Zoom::Card] {
            rig.state.map.zoom = zoom;
            println!("{source:?} {zoom:?}\n{}", text_of(&draw_pane(&rig.state, Focus::Experts, &Theme::default(), (78, 24)).0));
        }
    }
}
