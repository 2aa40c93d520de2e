//! Which actions would do something now, so that the screen names no key in vain.

use super::ablation::AblationView;
use super::action::{Action, Context};
use super::composer::Target;
use super::ghost::Ghost;
use super::map::TokenCursor;
use super::replay;
use super::run::Run;
use super::state::{Focus, ModelStatus, State};
use super::update::{chat, generate, inside, map, tokens};
use crate::session::{Part, Turn};

impl State {
    /// Whether the action would do something now, rather than nothing or say why not.
    pub fn is_usable(&self, action: Action) -> bool {
        use Action as A;
        if self.replay.is_some() && replay::needs_a_model(action) {
            return false;
        }
        let has_messages = || !self.session.tree.path().is_empty();
        match action {
            A::Send => self.can_send(),
            A::StopOrQuit => self.is_busy(),
            // Before the first frame it is not known.
            A::NextPane => self.viewport.panes.len() != 1,
            A::Regenerate => has_messages() && generate::obstacle(self).is_none(),
            A::Edit => self.can_edit(),
            A::Copy => has_messages(),
            A::Continue => self.last_turn().is_some() && generate::obstacle(self).is_none(),
            A::AnswerNow => self.can_answer_now(),
            A::PreviousSibling | A::NextSibling => chat::branching(self).is_some(),
            A::Fold => self.has_folds(),
            A::DropOldestTurns | A::SummarizeOldestTurns => chat::can_drop_oldest(self),
            A::MapSource | A::MapMeasure | A::ZoomIn | A::ExpertCard => self.grid().is_some(),
            A::TokenBack => self.token_position().is_some_and(|position| position > 0),
            A::TokenOn => self.has_token_after(),
            A::NextChoice => map::next_choice(self, true).is_some(),
            A::PreviousChoice => map::next_choice(self, false).is_some(),
            A::TokenFollow => self.map.token != TokenCursor::Newest,
            A::TintTokens => self.shown_run().is_some(),
            A::ForkToken | A::GhostToken => {
                tokens::branching(self).is_ok() && generate::obstacle(self).is_none()
            }
            _ => true,
        }
    }

    /// The keys that lead to the action from where the keys go, popups aside: its own, or the way
    /// out of the composer and then its own.
    pub fn way_to(&self, action: Action) -> Option<String> {
        let here = if self.focus == Focus::Composer {
            Context::Composer
        } else {
            Context::Chat
        };
        if let Some(key) = self.keymap.keys(here, action).first() {
            return Some(key.to_string());
        }
        let outside = self.keymap.keys(Context::Chat, action);
        let key = outside.first().filter(|_| here == Context::Composer)?;
        let leave = self.keymap.keys(Context::Composer, Action::Back);
        Some(format!("{} {key}", leave.first()?))
    }

    fn can_send(&self) -> bool {
        match self.composer.target() {
            Target::Identity | Target::Instructions | Target::Summary | Target::EditAnswer(_) => {
                true
            }
            Target::Message | Target::EditUser(_) | Target::ToolResult { .. } => {
                let fits = || self.current_prediction().is_none_or(|found| found.fits());
                !self.composer.is_blank() && generate::obstacle(self).is_none() && fits()
            }
        }
    }

    /// Whether there is something to stop.
    fn is_busy(&self) -> bool {
        let ghost = self.token_lab.ghost.as_ref();
        let ablation = self.ablation.as_ref();
        self.running.is_some()
            || ghost.is_some_and(Ghost::is_running)
            || ablation.is_some_and(AblationView::is_running)
            || inside::is_running(self)
            || self.summing.is_some()
            || matches!(self.model, ModelStatus::Loading { .. })
    }

    fn can_edit(&self) -> bool {
        let running = self.running.as_ref().map(|running| running.node);
        let selected = self.selected_message();
        selected.is_some() && selected != running
    }

    fn last_turn(&self) -> Option<&Turn> {
        let tree = &self.session.tree;
        tree.turn(*tree.path().last()?)
    }

    fn can_answer_now(&self) -> bool {
        let Some(turn) = self.last_turn().filter(|turn| !turn.has_final()) else {
            return false;
        };
        match &self.running {
            Some(running) => !running.then_answer,
            None => turn.outcome.is_some() && generate::obstacle(self).is_none(),
        }
    }

    fn has_folds(&self) -> bool {
        let tree = &self.session.tree;
        let path = tree.path().into_iter();
        let folds = |turn: &Turn| turn.parts.iter().any(|part| !Part::is_final(part));
        path.filter_map(|node| tree.turn(node)).any(folds)
    }

    fn has_token_after(&self) -> bool {
        let len = self.shown_run().map_or(0, Run::len);
        self.token_position()
            .is_some_and(|position| position + 1 < len)
    }
}
