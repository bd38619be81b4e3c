//! Every set of kernels against `vectors/numerics/`, whose expectations come from another implementation of
//! `docs/spec/numerics-2.md`, `vectors/tools/numerics_reference.py`.

#[path = "common/vectors.rs"]
mod vectors;

use attestlm::kernels::attention::{attend, Cells, Heads, Query, Scratch};
use attestlm::kernels::floats::{dequantize, products, Columns, Element, Floats};
use attestlm::kernels::functions;
use attestlm::kernels::lanes::{Lanes, Plain, LANES};
use attestlm::kernels::map::{map, Gelu, Silu, Tanh};
use attestlm::kernels::rope::{Pairs, Parameters, Rope};
use attestlm::kernels::{matmul, rows, Activations, Format, Isa, Weights, UNIT};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", deny_unknown_fields)]
enum Vector {
    Function(Function),
    Quantize(Quantize),
    Product(Product),
    Floats(FloatProducts),
    Row(Row),
    Rotation(Box<Rotation>),
    Attention(Box<Attention>),
}

#[derive(Deserialize)]
struct Function {
    function: String,
    pairs: Vec<[String; 2]>,
}

#[derive(Deserialize)]
struct Quantize {
    values: Vec<String>,
    expect: Quantized,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Quantized {
    integers: Vec<i8>,
    scale: String,
    scaled_sum: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Dot {
    row: String,
    column: Vec<String>,
    expect: String,
}

#[derive(Deserialize)]
struct Product {
    format: String,
    products: Vec<Dot>,
    dequantized: Vec<String>,
}

#[derive(Deserialize)]
struct FloatProducts {
    element: String,
    products: Vec<Dot>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    values: Vec<String>,
    sum: String,
    epsilon: String,
    rms_norm: Vec<String>,
    scale: String,
    softmax: Vec<String>,
}

#[derive(Deserialize)]
struct Rotation {
    mode: u32,
    dims: usize,
    orig: u32,
    base: String,
    scale: String,
    attn: String,
    ext: String,
    fast: String,
    slow: String,
    factors: Vec<String>,
    turns: Vec<Turn>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Turn {
    position: i32,
    head: Vec<String>,
    expect: Vec<String>,
}

#[derive(Deserialize)]
struct Attention {
    first: usize,
    end: usize,
    scale: String,
    cap: String,
    query: Vec<String>,
    keys: Vec<String>,
    values: Vec<String>,
    expect: Vec<String>,
}

/// The number that hex digits are the bits of.
fn number(text: &str) -> f32 {
    match text {
        "nan" => f32::NAN,
        bits => f32::from_bits(u32::from_str_radix(bits.strip_prefix("0x").unwrap(), 16).unwrap()),
    }
}

fn numbers(texts: &[String]) -> Vec<f32> {
    texts.iter().map(|text| number(text)).collect()
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

fn halves(rows: &[String]) -> Vec<u16> {
    rows.iter()
        .flat_map(|row| bytes(row))
        .collect::<Vec<u8>>()
        .chunks(2)
        .map(|b| u16::from_le_bytes([b[0], b[1]]))
        .collect()
}

fn text(value: f32) -> String {
    if value.is_nan() {
        return "nan".into();
    }
    format!("0x{:08x}", value.to_bits())
}

fn texts(values: &[f32]) -> Vec<String> {
    values.iter().map(|value| text(*value)).collect()
}

/// What a kernel writes of `count` numbers.
fn written(count: usize, run: impl FnOnce(*mut f32)) -> Vec<String> {
    let mut out = vec![0.0; count];
    run(out.as_mut_ptr());
    texts(&out)
}

impl Function {
    fn check(&self, isa: Isa) {
        let (x, expected): (Vec<f32>, Vec<String>) =
            self.pairs.iter().map(|[x, result]| (number(x), result.clone())).unzip();
        let (from, n) = ([x.as_ptr()], x.len());
        // SAFETY: so many numbers lie there and at `to`.
        let found = written(n, |to| unsafe {
            match self.function.as_str() {
                "silu" => map(isa, &Silu, from, to, n),
                "tanh" => map(isa, &Tanh, from, to, n),
                "gelu" => map(isa, &Gelu, from, to, n),
                // A part of other kernels alone.
                "exp" => x.iter().enumerate().for_each(|(at, x)| {
                    let mut lanes = [0.0; LANES];
                    functions::exp(Plain::splat(*x)).store(&mut lanes);
                    *to.add(at) = lanes[0];
                }),
                other => panic!("{other}"),
            }
        });
        assert_eq!(found, expected);
    }
}

impl Quantize {
    fn check(&self, isa: Isa) {
        let made = Activations::quantize(isa, &numbers(&self.values), 1);
        assert_eq!(made.quants(), self.expect.integers);
        assert_eq!(text(made.scales()[0]), self.expect.scale);
        assert_eq!(text(made.scaled_sums()[0]), self.expect.scaled_sum);
    }
}

impl Product {
    fn check(&self, isa: Isa) {
        let format = Format::ALL.into_iter().find(|format| format!("{format:?}") == self.format).unwrap();
        for Dot { row, column, expect } in &self.products {
            let (row, column) = (bytes(row), numbers(column));
            let units = column.len() / UNIT;
            // A row is the same wherever it is among others, and so is a column.
            let many = Weights::new(format, &row, 1, units).map(|_| row.repeat(19)).unwrap();
            for columns in [1, 2, 7] {
                let activations = Activations::quantize(isa, &column.repeat(columns), units);
                let weights = Weights::new(format, &many, 19, units).unwrap();
                let mut out = vec![0.0; 19 * columns];
                matmul(isa, &weights, 0..19, &activations, &mut out, 19).unwrap();
                assert!(
                    out.iter().all(|value| text(*value) == *expect),
                    "{columns} columns: {out:?}, {expect}"
                );
            }
        }
        let mut found = vec![0.0; self.dequantized.len()];
        dequantize(format, &bytes(&self.products.last().unwrap().row), &mut found);
        assert_eq!(texts(&found), self.dequantized);
    }
}

impl FloatProducts {
    fn check(&self, isa: Isa) {
        let element = match self.element.as_str() {
            "F32" => Element::F32,
            "F16" => Element::F16,
            "BF16" => Element::BF16,
            other => panic!("{other}"),
        };
        for Dot { row, column, expect } in &self.products {
            let (row, column) = (bytes(row), numbers(column));
            let floats = Floats { element, start: row.as_ptr(), length: column.len() };
            let found = written(1, |out| {
                let columns =
                    Columns { start: column.as_ptr(), stride: column.len(), count: 1, out, out_stride: 1 };
                // SAFETY: one row and one column of so many numbers.
                unsafe { products(isa, &floats, 0..1, &columns, &mut Vec::new()) };
            });
            assert_eq!(found[0], *expect, "{} numbers", column.len());
        }
    }
}

impl Row {
    fn check(&self, isa: Isa) {
        let x = numbers(&self.values);
        let (from, n) = (x.as_ptr(), x.len());
        // SAFETY: so many numbers lie there and at `to`.
        unsafe {
            assert_eq!(written(1, |to| rows::sum(isa, from, to, n))[0], self.sum);
            let epsilon = number(&self.epsilon);
            assert_eq!(written(n, |to| rows::rms_norm(isa, from, to, n, epsilon)), self.rms_norm);
            let scale = number(&self.scale);
            assert_eq!(written(n, |to| rows::softmax(isa, from, to, n, scale)), self.softmax);
        }
    }
}

impl Rotation {
    fn check(&self, isa: Isa) {
        let pairs = if self.mode == 0 { Pairs::Neighbours } else { Pairs::Halves };
        let parameters = Parameters {
            base: number(&self.base),
            scale: number(&self.scale),
            original_context: self.orig,
            ext_factor: number(&self.ext),
            attn_factor: number(&self.attn),
            beta_fast: number(&self.fast),
            beta_slow: number(&self.slow),
        };
        let factors = numbers(&self.factors);
        let factors = Some(factors.as_slice()).filter(|factors| !factors.is_empty());
        let rope = Rope::new(pairs, self.dims, &parameters, factors);
        for Turn { position, head, expect } in &self.turns {
            let mut row = vec![0.0; rope.row()];
            rope.fill(*position, &mut row);
            let head = numbers(head);
            // SAFETY: a head of so many numbers, a row of this rotation.
            let found = written(head.len(), |to| unsafe {
                rope.rotate(isa, row.as_ptr(), head.as_ptr(), to, head.len());
            });
            assert_eq!(found, *expect, "position {position}");
        }
    }
}

impl Attention {
    fn check(&self, isa: Isa) {
        let (keys, values, query) = (halves(&self.keys), halves(&self.values), numbers(&self.query));
        let (key, value) = (query.len(), self.expect.len());
        let heads = Heads { key, value, scale: number(&self.scale), cap: number(&self.cap) };
        let found = written(value, |out| {
            let query = Query { start: query.as_ptr(), out, first: self.first, end: self.end };
            let cells = |of: &[u16], stride| Cells { start: of.as_ptr(), stride };
            // SAFETY: so many cells of keys and values, one query.
            unsafe {
                attend(
                    isa,
                    &heads,
                    &[query],
                    cells(&keys, key),
                    cells(&values, value),
                    &mut Scratch::default(),
                );
            }
        });
        assert_eq!(found, self.expect);
    }
}

#[test]
fn every_set_of_kernels_computes_what_the_reference_program_does() {
    for (name, case) in vectors::cases("numerics") {
        for isa in Isa::ALL.into_iter().filter(|isa| isa.is_here()) {
            println!("{name} by {}", isa.name());
            match serde_json::from_value(case.clone()).unwrap_or_else(|error| panic!("{name}: {error}")) {
                Vector::Function(case) => case.check(isa),
                Vector::Quantize(case) => case.check(isa),
                Vector::Product(case) => case.check(isa),
                Vector::Floats(case) => case.check(isa),
                Vector::Row(case) => case.check(isa),
                Vector::Rotation(case) => case.check(isa),
                Vector::Attention(case) => case.check(isa),
            }
        }
    }
}
