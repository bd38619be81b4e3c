//! What the kernels compute, pinned: by every instruction set of this machine, and by whatever machine this test is compiled for
//! (`scripts/test-foreign.sh` runs it on an emulated one). No engine is needed.

use attestlm::kernels::attention::{attend, Cells, Heads, Query, Scratch};
use attestlm::kernels::floats::{dequantize, narrow, products, Columns, Element, Floats};
use attestlm::kernels::half::f16_of;
use attestlm::kernels::map::{map, Clamp, Div, Gate, Gelu, Scale, Silu, Tanh};
use attestlm::kernels::rope::{Pairs, Parameters, Rope};
use attestlm::kernels::{matmul, rows, Activations, Format, Isa, Weights, UNIT};
use attestlm_testkit::Rng;

/// One digest for each group of kernels.
const PINNED: [(&str, &str); 6] = [
    ("products", "6335d19c9264c0a0"),
    ("elements", "92ba3eb2784109ef"),
    ("rows", "be8e60d9f0f49483"),
    ("positions", "81ada7dd78770f38"),
    ("attention", "94d927d3f1e06175"),
    ("floats", "85275ef123107967"),
];

struct Numbers(Rng);

impl Numbers {
    /// From -`scale` to `scale`.
    fn floats(&mut self, count: usize, scale: f32) -> Vec<f32> {
        #[allow(clippy::cast_precision_loss)] // 24 bits
        let mut one = || ((self.0.next_u64() >> 40) as f32 / (1u32 << 23) as f32 - 1.0) * scale;
        (0..count).map(|_| one()).collect()
    }
}

#[derive(Default)]
struct Digest(blake3::Hasher);

impl Digest {
    fn add(&mut self, values: &[f32]) {
        for value in values {
            assert!(!value.is_nan(), "no NaN belongs in a digest");
            self.0.update(&value.to_le_bytes());
        }
    }

    fn hex(&self) -> String {
        self.0.finalize().to_hex()[..16].to_owned()
    }
}

/// The bytes of random weights whose scales are ordinary.
fn weights(format: Format, numbers: &mut Numbers, bytes: usize) -> Vec<u8> {
    let mut made: Vec<u8> = (0..bytes).map(|_| numbers.0.next_u64().to_le_bytes()[3]).collect();
    for block in made.chunks_mut(format.block_bytes()) {
        let scales: &[usize] = match format {
            Format::Q3_K => &[108],
            Format::Q6_K => &[208],
            Format::Q4_1 | Format::Q5_1 | Format::Q4_K | Format::Q5_K => &[0, 2],
            Format::Q8_0 | Format::Q4_0 | Format::Q5_0 | Format::IQ4_NL | Format::IQ4_XS => &[0],
        };
        for at in scales {
            let scale = f16_of(numbers.floats(1, 0.05)[0]);
            block[*at..at + 2].copy_from_slice(&scale.to_le_bytes());
        }
    }
    made
}

fn of_products(isa: Isa) -> String {
    let (mut numbers, mut digest) = (Numbers(Rng::new(1)), Digest::default());
    for format in Format::ALL {
        for (blocks, count, columns) in [(1, 37, 1), (3, 16, 5), (2, 70, 13)] {
            let units = blocks * format.block_units();
            let bytes = weights(format, &mut numbers, format.row_bytes(units).unwrap() * count);
            let matrix = Weights::new(format, &bytes, count, units).unwrap();
            let x = numbers.floats(columns * units * UNIT, 3.0);
            let activations = Activations::quantize(isa, &x, units);
            let mut out = vec![0.0; count * columns];
            matmul(isa, &matrix, 0..count, &activations, &mut out, count).unwrap();
            digest.add(&out);
            let mut row = vec![0.0; units * UNIT];
            dequantize(format, matrix.row(count - 1), &mut row);
            digest.add(&row);
        }
    }
    digest.hex()
}

fn of_elements(isa: Isa) -> String {
    let (mut numbers, mut digest) = (Numbers(Rng::new(2)), Digest::default());
    for scale in [1.0, 12.0, 200.0] {
        let (a, b) = (numbers.floats(333, scale), numbers.floats(333, 2.0));
        let (x, y) = (a.as_ptr(), b.as_ptr());
        let mut out = vec![0.0; a.len()];
        let (to, n) = (out.as_mut_ptr(), a.len());
        let mut add = |run: &dyn Fn()| {
            run();
            // SAFETY: so many numbers lie there.
            digest.add(unsafe { std::slice::from_raw_parts(to, n) });
        };
        // SAFETY: as above.
        unsafe {
            add(&|| map(isa, &Silu, [x], to, n));
            add(&|| map(isa, &Gelu, [x], to, n));
            add(&|| map(isa, &Tanh, [x], to, n));
            add(&|| map(isa, &Gate(Silu), [x, y], to, n));
            add(&|| map(isa, &Div, [y, x], to, n));
            add(&|| map(isa, &Scale { factor: 0.3, offset: 0.7 }, [x], to, n));
            add(&|| map(isa, &Clamp { least: -0.5, most: 0.25 }, [x], to, n));
        }
    }
    digest.hex()
}

fn of_rows(isa: Isa) -> String {
    let (mut numbers, mut digest) = (Numbers(Rng::new(3)), Digest::default());
    for n in [5, 16, 131, 896] {
        let row = numbers.floats(n, 4.0);
        let mut out = vec![0.0; n];
        // SAFETY: so many numbers lie there.
        unsafe {
            rows::rms_norm(isa, row.as_ptr(), out.as_mut_ptr(), n, 1e-6);
            digest.add(&out);
            rows::softmax(isa, row.as_ptr(), out.as_mut_ptr(), n, 1.0);
            digest.add(&out);
            rows::sum(isa, row.as_ptr(), out.as_mut_ptr(), n);
        }
        digest.add(&out[..1]);
    }
    digest.hex()
}

fn of_positions(isa: Isa) -> String {
    let (mut numbers, mut digest) = (Numbers(Rng::new(4)), Digest::default());
    for pairs in [Pairs::Halves, Pairs::Neighbours] {
        for ext_factor in [0.0, 1.0] {
            let parameters = Parameters {
                base: 500_000.0,
                scale: 0.5,
                original_context: 8_192,
                ext_factor,
                attn_factor: 1.0,
                beta_fast: 32.0,
                beta_slow: 1.0,
            };
            let factors = numbers.floats(48, 0.5).iter().map(|f| f + 1.5).collect::<Vec<_>>();
            let rope = Rope::new(pairs, 96, &parameters, Some(&factors));
            for position in [0, 1, 77, 4_096, 131_071] {
                let mut row = vec![0.0; rope.row()];
                rope.fill(position, &mut row);
                let head = numbers.floats(128, 2.0);
                let mut out = vec![0.0; 128];
                // SAFETY: a head of so many numbers, a row of this rotation.
                unsafe { rope.rotate(isa, row.as_ptr(), head.as_ptr(), out.as_mut_ptr(), 128) };
                digest.add(&out);
            }
        }
    }
    digest.hex()
}

fn of_attention(isa: Isa) -> String {
    let (mut numbers, mut digest) = (Numbers(Rng::new(5)), Digest::default());
    for (key, value, cells, cap) in [(64, 64, 37, 0.0), (80, 48, 700, 30.0), (128, 128, 300, 0.0)] {
        let halves = |wide: Vec<f32>| wide.into_iter().map(f16_of).collect::<Vec<u16>>();
        let keys = halves(numbers.floats(cells * key, 1.0));
        let values = halves(numbers.floats(cells * value, 1.0));
        let queries = numbers.floats(9 * key, 2.0);
        let mut out = vec![0.0; 9 * value];
        let to = out.as_mut_ptr();
        let all: Vec<Query> = (0..9)
            .map(|at| Query {
                start: queries[at * key..].as_ptr(),
                out: to.wrapping_add(at * value),
                first: (cells - 20 + at).saturating_sub(250),
                end: cells - 20 + at,
            })
            .collect();
        let heads = Heads { key, value, scale: 0.125, cap };
        let (keys, values) =
            (Cells { start: keys.as_ptr(), stride: key }, Cells { start: values.as_ptr(), stride: value });
        // SAFETY: the cells and queries made above.
        unsafe { attend(isa, &heads, &all, keys, values, &mut Scratch::default()) };
        digest.add(&out);
    }
    digest.hex()
}

fn of_floats(isa: Isa) -> String {
    let (mut numbers, mut digest) = (Numbers(Rng::new(6)), Digest::default());
    let wide = numbers.floats(11 * 77, 1.0);
    let mut halves = vec![0u16; wide.len()];
    // SAFETY: so many numbers.
    unsafe { narrow(isa, wide.as_ptr(), halves.as_mut_ptr(), wide.len()) };
    let x = numbers.floats(7 * 77, 1.0);
    for (element, start) in
        [(Element::F32, wide.as_ptr().cast::<u8>()), (Element::F16, halves.as_ptr().cast())]
    {
        let mut out = vec![0.0; 11 * 7];
        let columns =
            Columns { start: x.as_ptr(), stride: 77, count: 7, out: out.as_mut_ptr(), out_stride: 11 };
        // SAFETY: 11 rows of 77 weights, 7 columns.
        unsafe {
            products(isa, &Floats { element, start, length: 77 }, 0..11, &columns, &mut Vec::new());
        }
        digest.add(&out);
    }
    digest.hex()
}

#[test]
fn every_machine_computes_the_same() {
    for isa in Isa::ALL.into_iter().filter(|isa| isa.is_here()) {
        let found = [
            of_products(isa),
            of_elements(isa),
            of_rows(isa),
            of_positions(isa),
            of_attention(isa),
            of_floats(isa),
        ];
        println!("{} on {}: {found:?}", isa.name(), std::env::consts::ARCH);
        for ((name, pinned), found) in PINNED.iter().zip(&found) {
            assert_eq!(found, pinned, "{name}, {isa:?}");
        }
    }
}
