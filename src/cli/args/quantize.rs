//! What is packed, as `--quantize` says it.

use std::str::FromStr;

use gptoss::model::config::Quantization;
use gptoss::model::params::{QuantizeOptions, affine};

/// `experts=mxfp4,rest=8`, or a shorthand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct QuantizeSpec(pub(crate) QuantizeOptions);

impl FromStr for QuantizeSpec {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(rest) = shorthand(text) {
            return Ok(Self(QuantizeOptions {
                experts: Some(Quantization::MXFP4),
                rest: Some(rest),
            }));
        }
        let mut options = QuantizeOptions::default();
        for item in text.split(',') {
            let (part, kind) = item.split_once('=').unwrap_or((item, ""));
            match (part.trim(), kind.trim()) {
                ("experts", "mxfp4") => options.experts = Some(Quantization::MXFP4),
                ("experts", kind) => options.experts = packing(item, kind)?,
                ("rest", kind) => options.rest = packing(item, kind)?,
                _ => return Err(expected(item)),
            }
        }
        Ok(Self(options))
    }
}

/// `8` and `4`: experts as released, the rest in as many bits.
fn shorthand(text: &str) -> Option<Quantization> {
    match text.trim() {
        "8" => Some(affine(8)),
        "4" => Some(affine(4)),
        _ => None,
    }
}

fn packing(item: &str, kind: &str) -> Result<Option<Quantization>, String> {
    match kind {
        "none" => Ok(None),
        other => shorthand(other).map(Some).ok_or_else(|| expected(item)),
    }
}

fn expected(item: &str) -> String {
    format!("{item:?}: expected 8, 4, experts=mxfp4|8|4|none or rest=8|4|none")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, experts: Option<Quantization>, rest: Option<Quantization>) {
        let options = QuantizeOptions { experts, rest };
        assert_eq!(text.parse(), Ok(QuantizeSpec(options)), "{text}");
    }

    #[test]
    fn parts_and_shorthands_are_read() {
        check("8", Some(Quantization::MXFP4), Some(affine(8)));
        check("4", Some(Quantization::MXFP4), Some(affine(4)));
        check(
            "experts=mxfp4,rest=8",
            Some(Quantization::MXFP4),
            Some(affine(8)),
        );
        check("experts=4", Some(affine(4)), None);
        check("rest=4,experts=none", None, Some(affine(4)));
    }

    #[test]
    fn anything_else_is_refused_with_the_item() {
        for text in [
            "",
            "5",
            "rest=mxfp4",
            "rest",
            "experts=3",
            "all=8",
            "rest=8,",
        ] {
            assert!(text.parse::<QuantizeSpec>().is_err(), "{text}");
        }
    }
}
