//! What each number means, in a sentence, for the help screen.

/// A quantity's name, formula and meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Definition {
    /// As the screen names it.
    pub name: &'static str,
    /// How it is computed.
    pub formula: &'static str,
    /// What it tells, in one sentence.
    pub meaning: &'static str,
}

/// The quantities of routing. In the formulas `L` is the number of layers, `E` that of experts
/// in a layer, `k` that of experts a token chooses, and `p` a part of a layer's traffic.
pub const DEFINITIONS: &[Definition] = &[
    Definition {
        name: "Count",
        formula: "tokens that chose the expert",
        meaning: "How many of the selected tokens the router sent to this expert.",
    },
    Definition {
        name: "Weight sum",
        formula: "sum of w over those tokens",
        meaning: "How much the expert contributed in all, since a token mixes its k experts by \
                  weight.",
    },
    Definition {
        name: "Mean weight",
        formula: "weight sum / count",
        meaning: "How much the expert contributes to a token that chose it; 1/k is an equal part.",
    },
    Definition {
        name: "Share",
        formula: "count / (k * tokens)",
        meaning: "The part of its layer's choices that went to the expert.",
    },
    Definition {
        name: "Fair share",
        formula: "share * E",
        meaning: "The share as a multiple of what the expert would get if all were used equally: \
                  1x is balance, 2x twice as much.",
    },
    Definition {
        name: "Difference",
        formula: "100 * (share in A - share in B)",
        meaning: "How many percentage points more of the layer's traffic the expert gets in A than \
                  in B.",
    },
    Definition {
        name: "CV",
        formula: "standard deviation / mean of the experts' counts",
        meaning: "Coefficient of variation: 0 when all experts of the layer are used equally, and \
                  sqrt(E - 1) when one gets everything.",
    },
    Definition {
        name: "Gini",
        formula: "sum of (2i - E - 1) x_i / (E * sum of x_i), x ascending",
        meaning: "Inequality of use: 0 when all experts get the same, close to 1 when a few get \
                  nearly everything.",
    },
    Definition {
        name: "Dead",
        formula: "experts with count 0, of E",
        meaning: "Experts of the layer that none of the selected tokens chose.",
    },
    Definition {
        name: "Effective, eff",
        formula: "exp(H), H = -sum of p ln p",
        meaning: "As many equally used experts would be as diverse as what was used; of E this is \
                  the effective share.",
    },
    Definition {
        name: "90 % of mass, 90%",
        formula: "least n with the n largest p summing to 0.9",
        meaning: "How few experts together get nine tenths of the layer's traffic.",
    },
    Definition {
        name: "Overall",
        formula: "the same over all L * E experts at once",
        meaning: "Balance figures for the whole model take the experts of all layers as one \
                  population.",
    },
    Definition {
        name: "H chosen, H/ln",
        formula: "-sum of w ln w over the k weights, at most ln k",
        meaning: "How evenly a token mixes the experts it chose: 0 when one has all the weight, \
                  ln k when all weigh the same.",
    },
    Definition {
        name: "H router, Hr/ln",
        formula: "-sum of q ln q over all E, before the selection, at most ln E",
        meaning: "How undecided the router was among all experts; gpt-oss weighs only the chosen \
                  ones, so this is another number than the entropy of the chosen.",
    },
    Definition {
        name: "Rank",
        formula: "1 + experts of the layer with a larger count",
        meaning: "The expert's place in its layer by use; beside a token, its place among that \
                  token's k choices by weight.",
    },
    Definition {
        name: "Transition",
        formula: "tokens that chose both / (k * tokens that chose this one)",
        meaning: "Where the tokens of this expert go in the next layer, or came from in the one \
                  before.",
    },
    Definition {
        name: "Lift",
        formula: "observed / expected if independent",
        meaning: "How many times more often two experts are chosen by the same token than chance \
                  alone would have it; 1 is chance.",
    },
    Definition {
        name: "Agreement",
        formula: "experts in common / k",
        meaning: "The part of a layer's choices that two tokens, or two runs at the same position, \
                  share.",
    },
    Definition {
        name: "Weighted agreement",
        formula: "sum over experts of min(w in A, w in B), of the larger sum of w",
        meaning: "The agreement with each expert counted by its weight: 1 when two tokens mix the \
                  same experts alike, 0 when they share none.",
    },
    Definition {
        name: "Entropy difference",
        formula: "mean entropy in B - mean entropy in A, in nats",
        meaning: "Above 0 the routers of B decide less clearly than those of A.",
    },
    Definition {
        name: "Jensen-Shannon distance",
        formula: "sqrt(H(m) - (H(p) + H(q)) / 2) in base 2, m = (p + q) / 2",
        meaning: "How differently two spans, or two runs, use a layer's experts: 0 for the same distribution, 1 \
                  when they share no expert.",
    },
];

/// What a profile of a prompt set tells.
pub const PROFILE_DEFINITIONS: &[Definition] = &[
    Definition {
        name: "Domain lift",
        formula: "share of the domain's tokens that chose the expert / mean of all domains' shares",
        meaning: "How many times more often a domain's tokens choose the expert than an average \
                  domain's; 1 is no preference.",
    },
    Definition {
        name: "Specialist",
        formula: "domain lift at or above the threshold in both halves of the prompts",
        meaning: "An expert that a domain prefers in two halves of its prompts, divided by a seeded \
                  rule, each with enough tokens.",
    },
    Definition {
        name: "Similarity to a domain",
        formula: "mean over layers of 1 - Jensen-Shannon distance",
        meaning: "How alike a prompt and a domain use the experts: 1 for the same distribution in \
                  every layer, 0 when they share none.",
    },
    Definition {
        name: "By chance",
        formula: "mean number of specialists over 20 shuffles of the labels",
        meaning: "How many specialists there would be if the domains meant nothing: only what is \
                  clearly above it tells something.",
    },
];

/// What a look inside the model tells. `x` is the last token's residual stream after a layer.
pub const INSIDE_DEFINITIONS: &[Definition] = &[
    Definition {
        name: "Logit lens",
        formula: "softmax(unembed(norm(x)))",
        meaning: "What the model would say next if it ended after this layer, by its own final norm \
                  and unembedding; after the last layer it is what the model does say.",
    },
    Definition {
        name: "H of the lens",
        formula: "-sum of p ln p over the vocabulary, in nats",
        meaning: "How undecided the model would be after this layer: 0 when one token has all the \
                  probability.",
    },
    Definition {
        name: "Rank in the lens",
        formula: "1 + tokens with a higher probability",
        meaning: "Where the token that came stands after this layer; of equals the lower id comes \
                  first.",
    },
    Definition {
        name: "Settled",
        formula: "least layer from which on the token is the most likely one",
        meaning: "The layer after which nothing changes the first place any more.",
    },
    Definition {
        name: "Sink share",
        formula: "exp(sink) / (exp(sink) + sum of exp(score))",
        meaning: "The part of a head's attention that goes to its learned sink, thus to no token: \
                  near 100% the head does nearly nothing.",
    },
    Definition {
        name: "Attention weight",
        formula: "exp(score) / (exp(sink) + sum of exp(score))",
        meaning: "The part of a head's attention that goes to one token; with the sink's share all \
                  parts sum to 1.",
    },
    Definition {
        name: "Residual norm",
        formula: "sqrt(sum of x_i^2)",
        meaning: "How long the residual stream is after a layer's attention and after its experts: \
                  a jump tells that this part wrote much.",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_definition_is_one_sentence_under_its_own_name() {
        let parts = [DEFINITIONS, PROFILE_DEFINITIONS, INSIDE_DEFINITIONS];
        let all = || parts.into_iter().flatten();
        for (index, definition) in all().enumerate() {
            let Definition {
                name,
                formula,
                meaning,
            } = definition;
            assert!(!formula.is_empty() && !formula.ends_with('.'), "{name}");
            assert!(meaning.ends_with('.'), "{name}");
            // Signs like a square root's are two columns wide on some terminals.
            assert!(formula.is_ascii() && meaning.is_ascii(), "{name}");
            assert_eq!(meaning.matches(". ").count(), 0, "{name}");
            let same = all().filter(|other| other.name == *name);
            assert_eq!(same.count(), 1, "{name} at {index}");
        }
    }
}
