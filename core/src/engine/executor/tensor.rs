//! What the executor knows of ggml's tensors.

use std::ffi::CStr;

use llama_cpp_sys_2 as sys;

use crate::kernels::floats::Element;
use crate::kernels::Format;

/// A tensor's place and shape. Copied from ggml's, whose memory outlives the graph's computation.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tensor {
    pub kind: sys::ggml_type,
    pub data: *mut u8,
    /// Elements along each dimension, the innermost first.
    pub ne: [usize; 4],
    /// Bytes from one to the next along each dimension.
    pub nb: [usize; 4],
}

// SAFETY: the executor's phases decide who reads and writes where.
unsafe impl Send for Tensor {}
// SAFETY: as above.
unsafe impl Sync for Tensor {}

/// How the rows of a tensor are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Storage {
    Floats(Element),
    Quantized(Format),
}

/// How a type is stored, if there are kernels for it.
pub(super) fn storage(kind: sys::ggml_type) -> Option<Storage> {
    Some(match kind {
        sys::GGML_TYPE_F32 => Storage::Floats(Element::F32),
        sys::GGML_TYPE_F16 => Storage::Floats(Element::F16),
        sys::GGML_TYPE_BF16 => Storage::Floats(Element::BF16),
        sys::GGML_TYPE_Q8_0 => Storage::Quantized(Format::Q8_0),
        sys::GGML_TYPE_Q4_0 => Storage::Quantized(Format::Q4_0),
        sys::GGML_TYPE_Q5_0 => Storage::Quantized(Format::Q5_0),
        sys::GGML_TYPE_Q4_1 => Storage::Quantized(Format::Q4_1),
        sys::GGML_TYPE_Q5_1 => Storage::Quantized(Format::Q5_1),
        sys::GGML_TYPE_IQ4_NL => Storage::Quantized(Format::IQ4_NL),
        sys::GGML_TYPE_IQ4_XS => Storage::Quantized(Format::IQ4_XS),
        sys::GGML_TYPE_Q3_K => Storage::Quantized(Format::Q3_K),
        sys::GGML_TYPE_Q4_K => Storage::Quantized(Format::Q4_K),
        sys::GGML_TYPE_Q5_K => Storage::Quantized(Format::Q5_K),
        sys::GGML_TYPE_Q6_K => Storage::Quantized(Format::Q6_K),
        _ => return None,
    })
}

/// Whether there are kernels for weights of a type.
pub(in crate::engine) fn has_kernels(kind: sys::ggml_type) -> bool {
    storage(kind).is_some()
}

impl Tensor {
    pub fn of(tensor: &sys::ggml_tensor) -> Self {
        Tensor {
            kind: tensor.type_,
            data: tensor.data.cast(),
            ne: tensor.ne.map(|n| usize::try_from(n).unwrap_or(0)),
            nb: tensor.nb,
        }
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.ne[1] * self.ne[2] * self.ne[3]
    }

    /// How many elements there are.
    pub fn elements(&self) -> usize {
        self.ne[0] * self.rows()
    }

    /// Where row `index` of all lies: its place along dimensions 1, 2 and 3.
    pub fn place(&self, index: usize) -> [usize; 3] {
        let (i1, rest) = (index % self.ne[1], index / self.ne[1]);
        [i1, rest % self.ne[2], rest / self.ne[2]]
    }

    /// The start of the row at a place.
    pub fn at(&self, [i1, i2, i3]: [usize; 3]) -> *mut u8 {
        self.data.wrapping_add(i1 * self.nb[1] + i2 * self.nb[2] + i3 * self.nb[3])
    }

    /// The start of row `index` of all.
    pub fn row(&self, index: usize) -> *mut u8 {
        self.at(self.place(index))
    }

    /// Whether the elements of a row lie one after the other.
    pub fn has_whole_rows(&self) -> bool {
        matches!(storage(self.kind), Some(Storage::Floats(element)) if self.nb[0] == element.bytes() || self.ne[0] == 1)
    }

    /// Whether rows lie one after the other, without a gap, each `row` bytes.
    pub fn is_contiguous(&self, row: usize) -> bool {
        let mut expected = row;
        (1..4).all(|i| {
            let fits = self.ne[i] == 1 || self.nb[i] == expected;
            expected *= self.ne[i];
            fits
        })
    }

    /// Whether this is binary32 whose elements and rows lie one after the other.
    pub fn is_plain_f32(&self) -> bool {
        self.is_f32() && self.has_whole_rows() && self.is_contiguous(4 * self.ne[0])
    }

    pub fn is_f32(&self) -> bool {
        self.kind == sys::GGML_TYPE_F32
    }
}

/// The name of a tensor.
pub(in crate::engine) fn name_of(tensor: &sys::ggml_tensor) -> &str {
    // SAFETY: ggml keeps `name` NUL-terminated inside its 64 bytes.
    unsafe { CStr::from_ptr(tensor.name.as_ptr()) }.to_str().unwrap_or("")
}

/// A source of a node.
pub(in crate::engine) fn source(node: &sys::ggml_tensor, index: usize) -> Option<&sys::ggml_tensor> {
    // SAFETY: sources are NULL or valid tensors of the same graph or its leaves.
    node.src.get(index).and_then(|p| unsafe { p.as_ref() })
}
