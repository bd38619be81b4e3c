//! Reading the header of a GGUF file with bounded reads.

use super::tensor::{GgmlType, TensorInfo};
use super::value::{Array, Value};
use super::{model_error, MAX_ARRAY_STRINGS, MAX_HEADER_BYTES, MAX_KEYS, MAX_STRING_BYTES, MAX_TENSORS};
use crate::{Error, ErrorKind, Result};
use std::collections::{HashMap, HashSet};
use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

/// What identifies the state of an open file: if one of these differs, it was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint {
    len: u64,
    modified: Option<SystemTime>,
    /// Seconds and nanoseconds of the last change of contents, name or rights, which no program can set.
    changed: (i64, i64),
    device: u64,
    inode: u64,
}

impl Fingerprint {
    fn of(meta: &Metadata) -> Self {
        #[cfg(unix)]
        let (device, inode, changed) = {
            use std::os::unix::fs::MetadataExt;
            (meta.dev(), meta.ino(), (meta.ctime(), meta.ctime_nsec()))
        };
        #[cfg(not(unix))]
        let (device, inode, changed) = (0, 0, (0, 0));
        Fingerprint { len: meta.len(), modified: meta.modified().ok(), changed, device, inode }
    }
}

pub(super) fn changed() -> Error {
    model_error("model file", "was changed after it was opened: load the model again")
}

enum Source {
    /// `known`: the last fingerprint under which the contents were those that were opened.
    File {
        file: File,
        fingerprint: Fingerprint,
        known: Mutex<Fingerprint>,
    },
    Static(&'static [u8]),
}

/// A GGUF file, opened once: what was validated is what is hashed and loaded.
pub struct GgufFile {
    source: Source,
    len: u64,
    version: u32,
    metadata: Vec<(String, Value)>,
    index: HashMap<String, usize>,
    tensors: Vec<TensorInfo>,
    tensor_index: HashMap<String, usize>,
    data_offset: u64,
}

impl std::fmt::Debug for GgufFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GgufFile")
            .field("len", &self.len)
            .field("version", &self.version)
            .field("keys", &self.metadata.len())
            .field("tensors", &self.tensors.len())
            .finish_non_exhaustive()
    }
}

impl GgufFile {
    /// Opens `path` and parses its header.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] if the file cannot be opened or read, [`ErrorKind::Model`] if it is not
    /// a regular file or not a well-formed GGUF.
    pub fn open(path: &Path) -> Result<Self> {
        let not_regular = |meta: &Metadata| {
            let what = if meta.is_dir() { "a directory" } else { "not a regular file" };
            model_error(path.display().to_string(), format!("is {what}; a GGUF file is needed"))
        };
        // Asked before opening: opening a FIFO without a writer would block for ever.
        let before = std::fs::metadata(path).map_err(|e| Error::io(path, &e))?;
        if !before.is_file() {
            return Err(not_regular(&before));
        }
        // Nor does it if it became one meanwhile.
        let mut options = OpenOptions::new();
        options.read(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, libc::O_NONBLOCK);
        let file = options.open(path).map_err(|e| Error::io(path, &e))?;
        let meta = file.metadata().map_err(|e| Error::io(path, &e))?;
        if !meta.is_file() {
            return Err(not_regular(&meta));
        }
        let fingerprint = Fingerprint::of(&meta);
        Self::parse(Source::File { file, fingerprint, known: Mutex::new(fingerprint) }, meta.len())
    }

    /// Parses a GGUF held in memory: the bundled model.
    ///
    /// # Errors
    /// [`ErrorKind::Model`] if it is not a well-formed GGUF.
    pub fn from_bytes(bytes: &'static [u8]) -> Result<Self> {
        Self::parse(Source::Static(bytes), bytes.len() as u64)
    }

    /// The value of a metadata key.
    #[must_use]
    pub fn metadata(&self, key: &str) -> Option<&Value> {
        self.index.get(key).and_then(|&i| self.metadata.get(i)).map(|(_, value)| value)
    }

    /// Forgets the metadata's arrays: vocabularies and merges take as much memory as a small model's cache,
    /// and whoever validated the file has read them.
    #[cfg(feature = "engine")]
    pub(crate) fn forget_arrays(&mut self) {
        self.metadata.retain(|(_, value)| !matches!(value, Value::Array(_)));
        self.metadata.shrink_to_fit();
        self.index = self.metadata.iter().enumerate().map(|(i, (key, _))| (key.clone(), i)).collect();
    }

    /// All metadata, in file order.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.metadata.iter().map(|(key, value)| (key.as_str(), value))
    }

    /// The tensors, in file order, which is also the order of their data.
    #[must_use]
    pub fn tensors(&self) -> &[TensorInfo] {
        &self.tensors
    }

    /// The tensor called `name`.
    #[must_use]
    pub fn tensor(&self, name: &str) -> Option<&TensorInfo> {
        self.tensor_index.get(name).and_then(|&i| self.tensors.get(i))
    }

    /// The open file; `None` for a model in memory. Its cursor is never moved by this type, but
    /// a duplicated descriptor shares it: whoever reads through one seeks to 0 first.
    #[must_use]
    pub fn file(&self) -> Option<&File> {
        match &self.source {
            Source::File { file, .. } => Some(file),
            Source::Static(_) => None,
        }
    }

    /// The bytes of a model in memory.
    #[must_use]
    pub fn bytes(&self) -> Option<&'static [u8]> {
        match &self.source {
            Source::File { .. } => None,
            Source::Static(bytes) => Some(bytes),
        }
    }

    /// Length of the file in bytes.
    #[must_use]
    #[allow(clippy::len_without_is_empty)] // an empty file never parses
    pub fn len(&self) -> u64 {
        self.len
    }

    /// GGUF version, 2 or 3.
    #[must_use]
    pub fn version(&self) -> u32 {
        self.version
    }

    /// Position of the tensor data in the file.
    #[must_use]
    pub fn data_offset(&self) -> u64 {
        self.data_offset
    }

    /// Size, times, device and inode at the time of opening; `None` in memory.
    #[must_use]
    pub fn fingerprint(&self) -> Option<Fingerprint> {
        match &self.source {
            Source::File { fingerprint, .. } => Some(*fingerprint),
            Source::Static(_) => None,
        }
    }

    /// Whether the open file still holds what it held when opened, whose SHA-256 was `sha256`.
    ///
    /// Replacing the file under its name does not matter: the open one stays. Writing into it
    /// does, since the engine maps it. Who writes can set the modification time back but not the time of
    /// the last change, which a new name or other rights move too: the file is hashed again then, once.
    ///
    /// # Errors
    /// [`ErrorKind::Model`] if it was changed, [`ErrorKind::Io`] if it cannot be asked.
    pub fn check_unchanged(&self, sha256: &[u8; 32]) -> Result<()> {
        let (Source::File { known, .. }, Some(now)) = (&self.source, self.stamp()?) else { return Ok(()) };
        // Held while it is hashed: who asks meanwhile waits for the answer instead of hashing, too.
        let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
        if now == *known {
            return Ok(());
        }
        if super::scan(self, &mut |_, _| true)?.sha256 != *sha256 {
            return Err(changed());
        }
        *known = now;
        Ok(())
    }

    /// The fingerprint now; it may differ from the first in the time of the last change alone.
    ///
    /// # Errors
    /// As [`Self::check_unchanged`].
    pub(super) fn stamp(&self) -> Result<Option<Fingerprint>> {
        let Source::File { file, fingerprint, .. } = &self.source else { return Ok(None) };
        let meta = file.metadata().map_err(|e| Error::new(ErrorKind::Io, "model file", e.to_string()))?;
        let now = Fingerprint::of(&meta);
        if (Fingerprint { changed: fingerprint.changed, ..now }) != *fingerprint {
            return Err(changed());
        }
        Ok(Some(now))
    }

    /// Reads exactly `out.len()` bytes at `offset`, without moving the file's cursor.
    pub(super) fn read_exact_at(&self, out: &mut [u8], offset: u64) -> Result<()> {
        read_exact_at(&self.source, out, offset)
    }

    fn parse(source: Source, len: u64) -> Result<Self> {
        let mut header = Header::new(&source, len);
        let magic = header.bytes(4, "header")?;
        if magic != *b"GGUF" {
            return Err(model_error("header", "not a GGUF file: the first four bytes are not \"GGUF\""));
        }
        let version = header.u32("version")?;
        if version.swap_bytes() <= 3 {
            return Err(model_error("version", "the file is big-endian; only little-endian is supported"));
        }
        if !(2..=3).contains(&version) {
            return Err(model_error("version", format!("GGUF version {version}; supported are 2 and 3")));
        }
        let n_tensors = header.count("tensor count", MAX_TENSORS)?;
        let n_keys = header.count("key count", MAX_KEYS)?;

        let mut metadata: Vec<(String, Value)> = Vec::new();
        let mut index = HashMap::new();
        for i in 0..n_keys {
            let (key, value) = header.key_value()?;
            if index.insert(key.clone(), i).is_some() {
                return Err(model_error(key, "the key appears twice"));
            }
            metadata.push((key, value));
        }

        let alignment = match index.get("general.alignment").and_then(|&i| metadata.get(i)) {
            None => 32,
            // Below 32 the engine aborts on mapped tensors that are not aligned for SIMD.
            Some((_, Value::U32(a))) if a.is_power_of_two() && (32..=65_536).contains(a) => u64::from(*a),
            Some((key, value)) => {
                let got = if let Value::U32(a) = value { a.to_string() } else { value.type_name().into() };
                let limit = "a uint32 power of two from 32 to 65536";
                return Err(model_error(key.clone(), format!("{got}; must be {limit}")));
            }
        };

        let mut infos = Vec::new();
        for _ in 0..n_tensors {
            infos.push(header.tensor_info()?);
        }
        let data_offset = header.pos.next_multiple_of(alignment);
        let tensors = place(infos, data_offset, alignment, len)?;
        let mut tensor_index = HashMap::new();
        for (i, tensor) in tensors.iter().enumerate() {
            if tensor_index.insert(tensor.name.clone(), i).is_some() {
                return Err(model_error(tensor.name.clone(), "two tensors have this name"));
            }
        }
        Ok(GgufFile { source, len, version, metadata, index, tensors, tensor_index, data_offset })
    }
}

/// Checks types, sizes and positions. The data of the tensors follow one another in file
/// order, each padded to the alignment, as llama.cpp requires: so nothing overlaps.
fn place(infos: Vec<RawInfo>, data_offset: u64, alignment: u64, len: u64) -> Result<Vec<TensorInfo>> {
    let mut expected = 0u64;
    let mut tensors = Vec::with_capacity(infos.len());
    for RawInfo { name, dims, type_id, offset } in infos {
        let fail = |message: String| Err(model_error(name.clone(), message));
        let Some(ty) = GgmlType::from_id(type_id) else {
            return fail(format!("tensor type {type_id} is unknown or not supported"));
        };
        let elements = dims.iter().try_fold(1u64, |n, &d| n.checked_mul(d));
        let Some(elements) = elements.filter(|&n| n > 0 && i64::try_from(n).is_ok()) else {
            return fail("the dimensions are zero, or their product overflows".into());
        };
        if dims[0] % ty.block_elements() != 0 {
            let block = ty.block_elements();
            return fail(format!("rows of {} elements are not whole {ty} blocks of {block}", dims[0]));
        }
        let Some(bytes) = (elements / ty.block_elements()).checked_mul(ty.block_bytes()) else {
            return fail("the size in bytes overflows".into());
        };
        if offset % alignment != 0 {
            return fail(format!("offset {offset} is not a multiple of the alignment {alignment}"));
        }
        if offset != expected {
            return fail(format!("offset {offset} leaves a gap or overlaps; expected {expected}"));
        }
        let end = data_offset.checked_add(offset).and_then(|start| start.checked_add(bytes));
        let Some(end) = end.filter(|&end| end <= len) else {
            return fail("the data reach beyond the end of the file (truncated?)".into());
        };
        // `end` is within the file, so padding it cannot overflow.
        expected = (end - data_offset).next_multiple_of(alignment);
        tensors.push(TensorInfo { name, ggml_type: ty, dims, offset: data_offset + offset, bytes });
    }
    Ok(tensors)
}

struct RawInfo {
    name: String,
    dims: [u64; 4],
    type_id: u32,
    offset: u64,
}

/// A cursor over the header. Every length is checked against the end of the file and the
/// header cap before anything is allocated.
struct Header<'a> {
    source: &'a Source,
    pos: u64,
    end: u64,
    len: u64,
    chunk: Vec<u8>,
    chunk_pos: u64,
}

const CHUNK: u64 = 1 << 20;

macro_rules! scalar {
    ($name:ident, $type:ty) => {
        fn $name(&mut self, what: &str) -> Result<$type> {
            let mut bytes = [0u8; size_of::<$type>()];
            self.read(&mut bytes, what)?;
            Ok(<$type>::from_le_bytes(bytes))
        }
    };
}

macro_rules! array {
    ($self:ident, $key:ident, $n:ident, $type:ty) => {{
        let size = size_of::<$type>();
        let bytes = $self.array_bytes($n, size as u64, $key)?;
        // Every chunk has exactly `size` bytes.
        bytes.chunks_exact(size).map(|c| <$type>::from_le_bytes(c.try_into().unwrap_or_default())).collect()
    }};
}

impl<'a> Header<'a> {
    fn new(source: &'a Source, len: u64) -> Self {
        Header { source, pos: 0, end: len.min(MAX_HEADER_BYTES), len, chunk: Vec::new(), chunk_pos: 0 }
    }

    fn remaining(&self) -> u64 {
        self.end - self.pos
    }

    fn short(&self, what: &str) -> Error {
        let message = if self.end < self.len {
            format!("the header is longer than {} MiB", MAX_HEADER_BYTES >> 20)
        } else {
            "the file ends inside its header (truncated, or a length in it is wrong)".into()
        };
        model_error(what.to_owned(), message)
    }

    fn read(&mut self, out: &mut [u8], what: &str) -> Result<()> {
        if out.len() as u64 > self.remaining() {
            return Err(self.short(what));
        }
        let mut done = 0;
        while done < out.len() {
            let chunk_end = self.chunk_pos + self.chunk.len() as u64;
            if self.pos >= chunk_end {
                let size = usize::try_from(CHUNK.min(self.end - self.pos)).unwrap_or(0);
                self.chunk.resize(size, 0);
                read_exact_at(self.source, &mut self.chunk, self.pos)?;
                self.chunk_pos = self.pos;
            }
            let from = usize::try_from(self.pos - self.chunk_pos).unwrap_or(usize::MAX);
            let available = self.chunk.get(from..).unwrap_or_default();
            let n = available.len().min(out.len() - done);
            if n == 0 {
                return Err(self.short(what));
            }
            out[done..done + n].copy_from_slice(&available[..n]);
            done += n;
            self.pos += n as u64;
        }
        Ok(())
    }

    fn bytes(&mut self, n: u64, what: &str) -> Result<Vec<u8>> {
        if n > self.remaining() {
            return Err(self.short(what));
        }
        let mut out = vec![0; usize::try_from(n).map_err(|_| self.short(what))?];
        self.read(&mut out, what)?;
        Ok(out)
    }

    scalar!(u8, u8);
    scalar!(i8, i8);
    scalar!(u16, u16);
    scalar!(i16, i16);
    scalar!(u32, u32);
    scalar!(i32, i32);
    scalar!(f32, f32);
    scalar!(u64, u64);
    scalar!(i64, i64);
    scalar!(f64, f64);

    fn count(&mut self, what: &'static str, max: u64) -> Result<usize> {
        let n = self.u64(what)?;
        usize::try_from(n)
            .ok()
            .filter(|_| n <= max)
            .ok_or_else(|| model_error(what, format!("{n}; at most {max} are allowed")))
    }

    fn string(&mut self, max: u64, what: &str) -> Result<String> {
        let n = self.u64(what)?;
        if n > max {
            let message = format!("a string of {n} bytes; at most {max} are allowed");
            return Err(model_error(what.to_owned(), message));
        }
        String::from_utf8(self.bytes(n, what)?)
            .map_err(|_| model_error(what.to_owned(), "a string is not valid UTF-8"))
    }

    fn bool(byte: u8, key: &str) -> Result<bool> {
        match byte {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(model_error(key.to_owned(), format!("a bool of {byte}; must be 0 or 1"))),
        }
    }

    fn key_value(&mut self) -> Result<(String, Value)> {
        let key = self.string(1024, "metadata key")?;
        // The engine compares keys as C strings and prints them.
        if key.is_empty() || key.bytes().any(|b| !(0x21..=0x7e).contains(&b)) {
            return Err(model_error("metadata key", "a key is empty or not printable ASCII"));
        }
        let value = match self.u32(&key)? {
            0 => Value::U8(self.u8(&key)?),
            1 => Value::I8(self.i8(&key)?),
            2 => Value::U16(self.u16(&key)?),
            3 => Value::I16(self.i16(&key)?),
            4 => Value::U32(self.u32(&key)?),
            5 => Value::I32(self.i32(&key)?),
            6 => Value::F32(self.f32(&key)?),
            7 => Value::Bool(Self::bool(self.u8(&key)?, &key)?),
            8 => Value::String(self.string(MAX_STRING_BYTES, &key)?),
            9 => Value::Array(self.array(&key)?),
            10 => Value::U64(self.u64(&key)?),
            11 => Value::I64(self.i64(&key)?),
            12 => Value::F64(self.f64(&key)?),
            other => return Err(model_error(key, format!("value type {other} is unknown"))),
        };
        Ok((key, value))
    }

    fn array_bytes(&mut self, n: u64, size: u64, key: &str) -> Result<Vec<u8>> {
        let total = n.checked_mul(size).ok_or_else(|| self.short(key))?;
        self.bytes(total, key)
    }

    fn array(&mut self, key: &str) -> Result<Array> {
        let element = self.u32(key)?;
        let n = self.u64(key)?;
        Ok(match element {
            0 => Array::U8(self.array_bytes(n, 1, key)?),
            1 => Array::I8(array!(self, key, n, i8)),
            2 => Array::U16(array!(self, key, n, u16)),
            3 => Array::I16(array!(self, key, n, i16)),
            4 => Array::U32(array!(self, key, n, u32)),
            5 => Array::I32(array!(self, key, n, i32)),
            6 => Array::F32(array!(self, key, n, f32)),
            7 => {
                let bytes = self.array_bytes(n, 1, key)?;
                Array::Bool(bytes.into_iter().map(|b| Self::bool(b, key)).collect::<Result<_>>()?)
            }
            8 => {
                if n > MAX_ARRAY_STRINGS {
                    let message = format!("{n} strings; at most {MAX_ARRAY_STRINGS} are allowed");
                    return Err(model_error(key.to_owned(), message));
                }
                // Each takes at least its eight length bytes.
                if n > self.remaining() / 8 {
                    return Err(self.short(key));
                }
                let mut strings = Vec::new();
                for _ in 0..n {
                    strings.push(self.string(MAX_STRING_BYTES, key)?);
                }
                Array::String(strings)
            }
            9 => return Err(model_error(key.to_owned(), "nested arrays are not supported")),
            10 => Array::U64(array!(self, key, n, u64)),
            11 => Array::I64(array!(self, key, n, i64)),
            12 => Array::F64(array!(self, key, n, f64)),
            other => {
                return Err(model_error(key.to_owned(), format!("array element type {other} is unknown")))
            }
        })
    }

    fn tensor_info(&mut self) -> Result<RawInfo> {
        let name = self.string(63, "tensor name")?;
        if name.is_empty() || name.bytes().any(|b| !(0x21..=0x7e).contains(&b)) {
            return Err(model_error("tensor name", "a name is empty or not printable ASCII"));
        }
        let n_dims = self.u32(&name)?;
        if !(1..=4).contains(&n_dims) {
            return Err(model_error(name, format!("{n_dims} dimensions; must be 1 to 4")));
        }
        let mut dims = [1; 4];
        for dim in dims.iter_mut().take(n_dims as usize) {
            *dim = self.u64(&name)?;
        }
        let type_id = self.u32(&name)?;
        let offset = self.u64(&name)?;
        Ok(RawInfo { name, dims, type_id, offset })
    }
}

fn read_exact_at(source: &Source, out: &mut [u8], offset: u64) -> Result<()> {
    let changed = || model_error("model file", "ended early: it was changed while it was read");
    match source {
        Source::Static(bytes) => {
            let from = usize::try_from(offset).map_err(|_| changed())?;
            let slice = bytes.get(from..).and_then(|rest| rest.get(..out.len())).ok_or_else(changed)?;
            out.copy_from_slice(slice);
            Ok(())
        }
        Source::File { file, .. } => file_read_exact_at(file, out, offset).map_err(|e| {
            if e.kind() == io::ErrorKind::UnexpectedEof {
                changed()
            } else {
                Error::new(ErrorKind::Io, "model file", e.to_string())
            }
        }),
    }
}

#[cfg(unix)]
fn file_read_exact_at(file: &File, out: &mut [u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, out, offset)
}

#[cfg(windows)]
fn file_read_exact_at(file: &File, out: &mut [u8], mut offset: u64) -> io::Result<()> {
    use std::os::windows::fs::FileExt;
    let mut done = 0;
    while done < out.len() {
        match file.seek_read(&mut out[done..], offset) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(n) => {
                done += n;
                offset += n as u64;
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

/// Rejects duplicates while borrowing; shared by the tokenizer checks.
pub(super) fn first_duplicate<'a>(items: impl Iterator<Item = &'a [u8]>) -> Option<usize> {
    let mut seen = HashSet::new();
    for (i, item) in items.enumerate() {
        if !seen.insert(item) {
            return Some(i);
        }
    }
    None
}
