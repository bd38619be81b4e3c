//! Metadata values.

/// A metadata value: one of the GGUF scalar types, a string, or a flat array of one of them.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `uint8`
    U8(u8),
    /// `int8`
    I8(i8),
    /// `uint16`
    U16(u16),
    /// `int16`
    I16(i16),
    /// `uint32`
    U32(u32),
    /// `int32`
    I32(i32),
    /// `float32`
    F32(f32),
    /// `bool`
    Bool(bool),
    /// `string`, UTF-8
    String(String),
    /// `uint64`
    U64(u64),
    /// `int64`
    I64(i64),
    /// `float64`
    F64(f64),
    /// `array`; nested arrays are refused when reading
    Array(Array),
}

/// A flat metadata array.
#[derive(Debug, Clone, PartialEq)]
pub enum Array {
    /// of `uint8`
    U8(Vec<u8>),
    /// of `int8`
    I8(Vec<i8>),
    /// of `uint16`
    U16(Vec<u16>),
    /// of `int16`
    I16(Vec<i16>),
    /// of `uint32`
    U32(Vec<u32>),
    /// of `int32`
    I32(Vec<i32>),
    /// of `float32`
    F32(Vec<f32>),
    /// of `bool`
    Bool(Vec<bool>),
    /// of `string`
    String(Vec<String>),
    /// of `uint64`
    U64(Vec<u64>),
    /// of `int64`
    I64(Vec<i64>),
    /// of `float64`
    F64(Vec<f64>),
}

impl Value {
    /// The type's name as the GGUF specification spells it.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        match self {
            Value::U8(_) => "uint8",
            Value::I8(_) => "int8",
            Value::U16(_) => "uint16",
            Value::I16(_) => "int16",
            Value::U32(_) => "uint32",
            Value::I32(_) => "int32",
            Value::F32(_) => "float32",
            Value::Bool(_) => "bool",
            Value::String(_) => "string",
            Value::U64(_) => "uint64",
            Value::I64(_) => "int64",
            Value::F64(_) => "float64",
            Value::Array(_) => "array",
        }
    }
}

impl Array {
    /// Number of elements.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Array::U8(v) => v.len(),
            Array::I8(v) => v.len(),
            Array::U16(v) => v.len(),
            Array::I16(v) => v.len(),
            Array::U32(v) => v.len(),
            Array::I32(v) => v.len(),
            Array::F32(v) => v.len(),
            Array::Bool(v) => v.len(),
            Array::String(v) => v.len(),
            Array::U64(v) => v.len(),
            Array::I64(v) => v.len(),
            Array::F64(v) => v.len(),
        }
    }

    /// Whether the array has no element.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
