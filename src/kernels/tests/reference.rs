//! Random weights in every stored form, and what they mean, one value at a time in f64.

use half::bf16;

use crate::kernels::{AffineBits, ExpertsView, QuantizedMatrix, QuantizedRows};

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Form {
    Mxfp4,
    Affine(AffineBits, usize),
    Dense,
    Bf16,
}

pub(super) const FORMS: [Form; 9] = [
    Form::Mxfp4,
    Form::Affine(AffineBits::Four, 32),
    Form::Affine(AffineBits::Four, 64),
    Form::Affine(AffineBits::Four, 128),
    Form::Affine(AffineBits::Eight, 32),
    Form::Affine(AffineBits::Eight, 64),
    Form::Affine(AffineBits::Eight, 128),
    Form::Dense,
    Form::Bf16,
];

impl Form {
    /// What a row's length must be a multiple of.
    pub(super) fn group_size(self) -> usize {
        match self {
            Self::Mxfp4 => 32,
            Self::Affine(_, group_size) => group_size,
            Self::Dense | Self::Bf16 => 1,
        }
    }
}

/// splitmix64.
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(super) fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    pub(super) fn signed(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1 << 23) as f32 - 1.0
    }

    pub(super) fn signed_values(&mut self, len: usize) -> Vec<f32> {
        (0..len).map(|_| self.signed()).collect()
    }
}

/// A matrix that owns its parts; those that its form lacks are empty.
pub(super) struct Stored {
    form: Form,
    pub(super) out_features: usize,
    pub(super) in_features: usize,
    pub(super) packed: Vec<u32>,
    pub(super) exponents: Vec<u8>,
    pub(super) scales: Vec<f32>,
    biases: Vec<f32>,
    pub(super) values: Vec<f32>,
    halves: Vec<bf16>,
}

impl Stored {
    pub(super) fn random(
        form: Form,
        out_features: usize,
        in_features: usize,
        random: &mut Random,
    ) -> Self {
        let len = out_features * in_features;
        let mut stored = Self {
            form,
            out_features,
            in_features,
            packed: vec![],
            exponents: vec![],
            scales: vec![],
            biases: vec![],
            values: vec![],
            halves: vec![],
        };
        match form {
            Form::Mxfp4 => {
                stored.packed = (0..len / 8).map(|_| random.next() as u32).collect();
                stored.exponents = (0..len / 32).map(|_| 120 + random.below(5) as u8).collect();
            }
            Form::Affine(bits, group_size) => {
                let (per_word, top) = match bits {
                    AffineBits::Four => (8, 15.0),
                    AffineBits::Eight => (4, 255.0),
                };
                stored.packed = (0..len / per_word).map(|_| random.next() as u32).collect();
                stored.scales = random.signed_values(len / group_size);
                stored
                    .scales
                    .iter_mut()
                    .for_each(|scale| *scale /= top * 10.0);
                stored.biases = random.signed_values(len / group_size);
                stored.biases.iter_mut().for_each(|bias| *bias /= 20.0);
            }
            Form::Dense => stored.values = random.signed_values(len),
            Form::Bf16 => {
                let values = random.signed_values(len);
                stored.halves = values.into_iter().map(bf16::from_f32).collect();
            }
        }
        stored
    }

    pub(super) fn rows(&self) -> QuantizedRows<'_> {
        match self.form {
            Form::Mxfp4 => QuantizedRows::Mxfp4 {
                packed: &self.packed,
                scales: &self.exponents,
            },
            Form::Affine(bits, group_size) => QuantizedRows::Affine {
                packed: &self.packed,
                scales: &self.scales,
                biases: &self.biases,
                bits,
                group_size,
            },
            Form::Dense => QuantizedRows::Dense(&self.values),
            Form::Bf16 => QuantizedRows::Bf16(&self.halves),
        }
    }

    pub(super) fn matrix(&self) -> QuantizedMatrix<'_> {
        QuantizedMatrix {
            rows: self.rows(),
            out_features: self.out_features,
            in_features: self.in_features,
        }
    }

    /// One weight, from the formats' definitions.
    pub(super) fn weight(&self, row: usize, column: usize) -> f64 {
        let index = row * self.in_features + column;
        match self.form {
            Form::Mxfp4 => {
                let code = self.packed[index / 8] >> (4 * (index % 8)) & 15;
                let magnitude = [0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0][(code & 7) as usize];
                let sign = if code & 8 == 0 { 1.0 } else { -1.0 };
                let scale = match self.exponents[index / 32] {
                    255 => f64::NAN,
                    exponent => 2_f64.powi(i32::from(exponent) - 127),
                };
                sign * magnitude * scale
            }
            Form::Affine(bits, group_size) => {
                let integer = match bits {
                    AffineBits::Four => self.packed[index / 8] >> (4 * (index % 8)) & 15,
                    AffineBits::Eight => self.packed[index / 4] >> (8 * (index % 4)) & 255,
                };
                let group = index / group_size;
                f64::from(integer) * f64::from(self.scales[group]) + f64::from(self.biases[group])
            }
            Form::Dense => f64::from(self.values[index]),
            Form::Bf16 => self.halves[index].to_f64(),
        }
    }

    /// A row times `x`, and the sum of the products' magnitudes.
    pub(super) fn dot(&self, row: usize, x: &[f64]) -> (f64, f64) {
        let products = x
            .iter()
            .enumerate()
            .map(|(column, x)| self.weight(row, column) * x);
        products.fold((0.0, 0.0), |(sum, size), product| {
            (sum + product, size + product.abs())
        })
    }
}

/// Experts that own their parts.
pub(super) struct StoredExperts {
    pub(super) num_local_experts: usize,
    pub(super) hidden_size: usize,
    pub(super) intermediate_size: usize,
    pub(super) gate_up: Stored,
    pub(super) gate_up_bias: Vec<f32>,
    pub(super) down: Stored,
    pub(super) down_bias: Vec<f32>,
    pub(super) swiglu_limit: f32,
}

impl StoredExperts {
    /// Shape: [E, H, I].
    pub(super) fn random(forms: [Form; 2], shape: [usize; 3], random: &mut Random) -> Self {
        let [e, h, i] = shape;
        Self {
            num_local_experts: e,
            hidden_size: h,
            intermediate_size: i,
            gate_up: Stored::random(forms[0], e * 2 * i, h, random),
            gate_up_bias: random.signed_values(e * 2 * i),
            down: Stored::random(forms[1], e * h, i, random),
            down_bias: random.signed_values(e * h),
            // Low enough that random gates meet it.
            swiglu_limit: 0.8,
        }
    }

    pub(super) fn view(&self) -> ExpertsView<'_> {
        ExpertsView {
            num_local_experts: self.num_local_experts,
            hidden_size: self.hidden_size,
            intermediate_size: self.intermediate_size,
            gate_up: self.gate_up.rows(),
            gate_up_bias: &self.gate_up_bias,
            down: self.down.rows(),
            down_bias: &self.down_bias,
            swiglu_limit: self.swiglu_limit,
        }
    }

    /// One expert on one token; for each output the value and the sum of its terms' magnitudes.
    pub(super) fn forward(&self, expert: usize, x: &[f32]) -> Vec<(f64, f64)> {
        let x: Vec<f64> = x.iter().map(|x| f64::from(*x)).collect();
        let limit = f64::from(self.swiglu_limit);
        let first = expert * 2 * self.intermediate_size;
        let biased = |row: usize| self.gate_up.dot(row, &x).0 + f64::from(self.gate_up_bias[row]);
        let activations: Vec<f64> = (first..first + self.intermediate_size)
            .map(|row| {
                let gate = biased(row).min(limit);
                let up = biased(row + self.intermediate_size).clamp(-limit, limit);
                gate / (1.0 + (-1.702 * gate).exp()) * (up + 1.0)
            })
            .collect();
        (expert * self.hidden_size..(expert + 1) * self.hidden_size)
            .map(|row| {
                let bias = f64::from(self.down_bias[row]);
                let (sum, size) = self.down.dot(row, &activations);
                (sum + bias, size + bias.abs())
            })
            .collect()
    }
}
