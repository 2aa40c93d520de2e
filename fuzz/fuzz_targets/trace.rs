#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| gptoss_fuzz::trace(data));
