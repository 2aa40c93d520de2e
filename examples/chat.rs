//! Asks the demo model a question and prints its answer as it comes.
//!
//! `cargo run --release --example chat -- "What is the capital of Peru?"`

use std::io::Write;

use gptoss::harmony::{Channel, Conversation, HarmonyEvent, Message};
use gptoss::model::gpt_oss::KvPrecision;
use gptoss::{ChatEvent, GenerateOptions, GptOss};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let question = std::env::args().nth(1);
    let question = question.unwrap_or_else(|| "What is 48 + 75?".to_owned());

    let model = GptOss::demo()?;
    let mut cache = model.new_cache(KvPrecision::default());
    let mut conversation = Conversation::default();
    conversation.system.get_or_insert_default();
    conversation.messages.push(Message::user(question));

    let mut is_final = false;
    for event in model.chat(&mut cache, &conversation, GenerateOptions::default())? {
        match event? {
            ChatEvent::Harmony(HarmonyEvent::MessageStarted { header, .. }) => {
                is_final = header.channel == Some(Channel::Final);
            }
            ChatEvent::Harmony(HarmonyEvent::Text { delta, .. }) if is_final => {
                print!("{delta}");
                std::io::stdout().flush()?;
            }
            _ => {}
        }
    }
    println!();
    Ok(())
}
