//! Typed access to metadata, with the types llama.cpp insists on.

use super::model_error;
use super::reader::GgufFile;
use super::value::{Array, Value};
use crate::{Error, Result};
use std::ops::RangeInclusive;

/// Metadata of one file; keys are given whole.
pub(super) struct Meta<'a>(pub(super) &'a GgufFile);

fn wrong_type(key: &str, value: &Value, wanted: &str) -> Error {
    model_error(key.to_owned(), format!("the value is {}; must be {wanted}", value.type_name()))
}

pub(super) fn missing(key: &str) -> Error {
    model_error(key.to_owned(), "the key is missing")
}

fn in_range(key: &str, n: u32, range: &RangeInclusive<u32>) -> Result<u32> {
    if range.contains(&n) {
        Ok(n)
    } else {
        let message = format!("{n}; must be from {} to {}", range.start(), range.end());
        Err(model_error(key.to_owned(), message))
    }
}

impl<'a> Meta<'a> {
    pub(super) fn u32(&self, key: &str, range: RangeInclusive<u32>) -> Result<Option<u32>> {
        match self.0.metadata(key) {
            None => Ok(None),
            Some(Value::U32(n)) => in_range(key, *n, &range).map(Some),
            Some(other) => Err(wrong_type(key, other, "uint32")),
        }
    }

    pub(super) fn need_u32(&self, key: &str, range: RangeInclusive<u32>) -> Result<u32> {
        self.u32(key, range)?.ok_or_else(|| missing(key))
    }

    /// A number, or one number per layer. The graphs of the supported architectures size every
    /// layer by the first, so layers that differ are refused rather than asserted on.
    pub(super) fn per_layer_u32(
        &self,
        key: &str,
        layers: u32,
        range: RangeInclusive<u32>,
    ) -> Result<Option<u32>> {
        let numbers: Vec<u32> = match self.0.metadata(key) {
            Some(Value::Array(Array::U32(v))) => v.clone(),
            Some(Value::Array(Array::I32(v))) => v
                .iter()
                .map(|&n| u32::try_from(n))
                .collect::<Result<_, _>>()
                .map_err(|_| model_error(key.to_owned(), "holds a negative number"))?,
            Some(other @ Value::Array(_)) => {
                return Err(wrong_type(key, other, "uint32 or an array of uint32 or int32"))
            }
            _ => return self.u32(key, range),
        };
        if numbers.len() != layers as usize {
            let message = format!("{} numbers for {layers} layers", numbers.len());
            return Err(model_error(key.to_owned(), message));
        }
        let first = numbers.first().copied().unwrap_or(0);
        if numbers.iter().any(|&n| n != first) {
            let message = "differs between layers, which is not supported for this architecture";
            return Err(model_error(key.to_owned(), message));
        }
        in_range(key, first, &range).map(Some)
    }

    /// A finite float within `min..=max`.
    pub(super) fn f32(&self, key: &str, min: f32, max: f32) -> Result<Option<f32>> {
        match self.0.metadata(key) {
            None => Ok(None),
            Some(Value::F32(x)) if x.is_finite() && (min..=max).contains(x) => Ok(Some(*x)),
            Some(Value::F32(x)) => {
                Err(model_error(key.to_owned(), format!("{x}; must be from {min:e} to {max:e}")))
            }
            Some(other) => Err(wrong_type(key, other, "float32")),
        }
    }

    pub(super) fn need_f32(&self, key: &str, min: f32, max: f32) -> Result<f32> {
        self.f32(key, min, max)?.ok_or_else(|| missing(key))
    }

    pub(super) fn bool(&self, key: &str) -> Result<Option<bool>> {
        match self.0.metadata(key) {
            None => Ok(None),
            Some(Value::Bool(b)) => Ok(Some(*b)),
            Some(other) => Err(wrong_type(key, other, "bool")),
        }
    }

    pub(super) fn string(&self, key: &str) -> Result<Option<&'a str>> {
        match self.0.metadata(key) {
            None => Ok(None),
            // The engine reads C strings: what follows a NUL would be seen here and not there.
            Some(Value::String(s)) if s.contains('\0') => {
                Err(model_error(key.to_owned(), "the string holds a NUL character"))
            }
            Some(Value::String(s)) => Ok(Some(s)),
            Some(other) => Err(wrong_type(key, other, "string")),
        }
    }

    pub(super) fn need_string(&self, key: &str) -> Result<&'a str> {
        self.string(key)?.ok_or_else(|| missing(key))
    }

    pub(super) fn strings(&self, key: &str) -> Result<Option<&'a [String]>> {
        match self.0.metadata(key) {
            None => Ok(None),
            Some(Value::Array(Array::String(v))) => Ok(Some(v)),
            Some(other) => Err(wrong_type(key, other, "an array of strings")),
        }
    }
}
