//! Writing GGUF, version 3, little-endian.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use crate::quantize::{random, Quantizer, TensorType};
use crate::Rng;

/// A metadata value; only what the tests need.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)] // GGUF's own type names
pub enum Value {
    U8(u8),
    U16(u16),
    U32(u32),
    I32(i32),
    F32(f32),
    Bool(bool),
    String(String),
    U64(u64),
    Strings(Vec<String>),
    U32s(Vec<u32>),
    I32s(Vec<i32>),
    F32s(Vec<f32>),
    Bools(Vec<bool>),
}

impl From<u32> for Value {
    fn from(n: u32) -> Self {
        Value::U32(n)
    }
}
impl From<f32> for Value {
    fn from(x: f32) -> Self {
        Value::F32(x)
    }
}
impl From<bool> for Value {
    fn from(b: bool) -> Self {
        Value::Bool(b)
    }
}
impl From<&str> for Value {
    fn from(s: &str) -> Self {
        Value::String(s.to_owned())
    }
}

/// A tensor of random weights, made when it is written.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    /// Name.
    pub name: String,
    /// Elements per dimension, fastest first.
    pub dims: Vec<u64>,
    /// Type.
    pub tensor_type: TensorType,
    /// Mean of the weights (random quants: 0).
    pub mean: f32,
    /// Standard deviation of the weights.
    pub deviation: f32,
    /// Seed of the weights.
    pub seed: u64,
}

impl Tensor {
    fn bytes(&self) -> u64 {
        let (elements, bytes) = self.tensor_type.block();
        self.dims.iter().product::<u64>() / elements * bytes
    }

    fn padded_bytes(&self) -> u64 {
        self.bytes().next_multiple_of(ALIGNMENT)
    }
}

/// A GGUF file to be: metadata and tensors may be edited before writing.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Gguf {
    /// Metadata, in file order.
    pub metadata: Vec<(String, Value)>,
    /// Tensors, in file order.
    pub tensors: Vec<Tensor>,
    /// Who rounds the weights.
    pub quantizer: Quantizer,
}

const ALIGNMENT: u64 = 32;

/// Weights made at once, a multiple of every block.
pub(crate) const PIECE: u64 = 1 << 16;

impl Gguf {
    /// Sets a key, replacing its value where it is.
    pub fn set(&mut self, key: impl Into<String>, value: impl Into<Value>) {
        let (key, value) = (key.into(), value.into());
        match self.metadata.iter_mut().find(|(k, _)| *k == key) {
            Some(entry) => entry.1 = value,
            None => self.metadata.push((key, value)),
        }
    }

    /// Removes a key.
    pub fn remove(&mut self, key: &str) {
        self.metadata.retain(|(k, _)| k != key);
    }

    /// The tensor called `name`.
    ///
    /// # Panics
    /// If there is none.
    pub fn tensor_mut(&mut self, name: &str) -> &mut Tensor {
        self.tensors.iter_mut().find(|t| t.name == name).unwrap_or_else(|| panic!("no tensor {name}"))
    }

    /// The file's bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(&mut out).expect("writing to memory does not fail");
        out
    }

    /// Writes the file.
    ///
    /// # Errors
    /// What the file system says.
    pub fn write_to(&self, path: &Path) -> io::Result<()> {
        let mut file = BufWriter::with_capacity(1 << 20, File::create(path)?);
        self.write(&mut file)?;
        file.flush()
    }

    /// Where the data of the tensor called `name` begins in the file.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    pub fn data_offset(&self, name: &str) -> u64 {
        let at =
            self.tensors.iter().position(|t| t.name == name).unwrap_or_else(|| panic!("no tensor {name}"));
        self.header().len() as u64 + self.tensors[..at].iter().map(Tensor::padded_bytes).sum::<u64>()
    }

    fn header(&self) -> Vec<u8> {
        let mut header = Vec::from(*b"GGUF");
        header.extend(3u32.to_le_bytes());
        header.extend((self.tensors.len() as u64).to_le_bytes());
        header.extend((self.metadata.len() as u64).to_le_bytes());
        for (key, value) in &self.metadata {
            string(&mut header, key);
            value.write(&mut header);
        }
        let mut offset = 0u64;
        for tensor in &self.tensors {
            string(&mut header, &tensor.name);
            header.extend(u32::try_from(tensor.dims.len()).expect("few dimensions").to_le_bytes());
            tensor.dims.iter().for_each(|d| header.extend(d.to_le_bytes()));
            header.extend(tensor.tensor_type.id().to_le_bytes());
            header.extend(offset.to_le_bytes());
            offset += tensor.padded_bytes();
        }
        pad(&mut header);
        header
    }

    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        out.write_all(&self.header())?;
        for tensor in &self.tensors {
            match self.quantizer {
                Quantizer::Own => write_own(tensor, out)?,
                #[cfg(feature = "ggml")]
                Quantizer::Ggml => crate::ggml::write(tensor, out)?,
            }
            let padding = tensor.padded_bytes() - tensor.bytes();
            out.write_all(&[0; 32][..usize::try_from(padding).expect("below 32")])?;
        }
        Ok(())
    }
}

fn write_own(tensor: &Tensor, out: &mut impl Write) -> io::Result<()> {
    // In pieces: a large tensor is never in memory as a whole.
    let mut left: u64 = tensor.dims.iter().product();
    let mut rng = Rng::new(tensor.seed);
    let mut data = Vec::new();
    while left > 0 {
        let now = left.min(PIECE);
        data.clear();
        random(&mut data, tensor.tensor_type, now, tensor.mean, tensor.deviation, &mut rng);
        out.write_all(&data)?;
        left -= now;
    }
    Ok(())
}

fn pad(out: &mut Vec<u8>) {
    out.resize(out.len().next_multiple_of(32), 0);
}

fn string(out: &mut Vec<u8>, s: &str) {
    out.extend((s.len() as u64).to_le_bytes());
    out.extend(s.as_bytes());
}

impl Value {
    fn write(&self, out: &mut Vec<u8>) {
        fn array<T>(out: &mut Vec<u8>, ty: u32, items: &[T], write: impl Fn(&mut Vec<u8>, &T)) {
            out.extend(9u32.to_le_bytes());
            out.extend(ty.to_le_bytes());
            out.extend((items.len() as u64).to_le_bytes());
            items.iter().for_each(|item| write(out, item));
        }
        let mut scalar = |ty: u32, bytes: &[u8]| {
            out.extend(ty.to_le_bytes());
            out.extend(bytes);
        };
        match self {
            Value::U8(n) => scalar(0, &n.to_le_bytes()),
            Value::U16(n) => scalar(2, &n.to_le_bytes()),
            Value::U32(n) => scalar(4, &n.to_le_bytes()),
            Value::I32(n) => scalar(5, &n.to_le_bytes()),
            Value::F32(x) => scalar(6, &x.to_le_bytes()),
            Value::Bool(b) => scalar(7, &[u8::from(*b)]),
            Value::U64(n) => scalar(10, &n.to_le_bytes()),
            Value::String(s) => {
                scalar(8, &[]);
                string(out, s);
            }
            Value::Strings(v) => array(out, 8, v, |out, s| string(out, s)),
            Value::U32s(v) => array(out, 4, v, |out, n| out.extend(n.to_le_bytes())),
            Value::I32s(v) => array(out, 5, v, |out, n| out.extend(n.to_le_bytes())),
            Value::F32s(v) => array(out, 6, v, |out, x| out.extend(x.to_le_bytes())),
            Value::Bools(v) => array(out, 7, v, |out, b| out.push(u8::from(*b))),
        }
    }
}
