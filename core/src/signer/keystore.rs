//! Encrypted key files: the Web3 Secret Storage definition, version 3 ("keystore V3"), as
//! geth, ethers, eth_account and others write it.
//!
//! A password is stretched by scrypt (RFC 7914) or PBKDF2-HMAC-SHA-256 (RFC 8018) to at least
//! 32 bytes `dk`; `dk[0..16]` keys AES-128-CTR over the private key, and
//! `keccak256(dk[16..32] || ciphertext)` tells a wrong password. A keystore is untrusted
//! input: every cost and length in it is bounded before any work is done.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use aes::cipher::{KeyIvInit, StreamCipher};
use hmac::Hmac;
use serde_json::{Map, Value};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::scrypt::scrypt;
use super::{Address, KeySigner, Signer};
use crate::abi::keccak256;
use crate::atomic_file::{write_new, Access};
use crate::error::{Error, ErrorKind, Result};
use crate::json::{self, Limits};
use crate::seed::random_bytes;

/// The largest keystore file read, in bytes.
pub const MAX_BYTES: usize = 64 * 1024;

/// The most memory a keystore may make scrypt use, in bytes.
pub const MAX_SCRYPT_MEMORY: u64 = 512 * 1024 * 1024;

/// The most work a keystore may make scrypt do: n * r * p (the standard cost is 2^21).
pub const MAX_SCRYPT_WORK: u64 = 1 << 23;

/// The most iterations a keystore may make PBKDF2 do.
pub const MAX_PBKDF2_ITERATIONS: u32 = 10_000_000;

/// How costly one guess at the password of a new keystore is (scrypt).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeystoreCost {
    n: u32,
    r: u32,
    p: u32,
}

impl KeystoreCost {
    /// n = 262,144, r = 8, p = 1: 256 MiB and about a second; what geth writes.
    pub const STANDARD: KeystoreCost = KeystoreCost { n: 1 << 18, r: 8, p: 1 };

    /// n = 4,096, r = 8, p = 6: 4 MiB and tens of milliseconds, for tests and throw-away keys.
    pub const LIGHT: KeystoreCost = KeystoreCost { n: 1 << 12, r: 8, p: 6 };
}

enum Kdf {
    Scrypt { n: u64, r: u64, p: u64 },
    Pbkdf2(u32),
}

struct Keystore {
    address: Option<Address>,
    kdf: Kdf,
    salt: Vec<u8>,
    derived_length: usize,
    iv: [u8; 16],
    ciphertext: [u8; 32],
    mac: [u8; 32],
}

/// Decrypts the text of a keystore.
///
/// # Errors
/// [`ErrorKind::Signer`]: not a keystore V3, a parameter out of bounds (named, and found before
/// any work is done), a wrong password, or an address field the key does not belong to.
pub fn decrypt(json: &[u8], password: &str) -> Result<KeySigner> {
    let keystore = parse(json)?;
    let derived = derive(&keystore.kdf, password, &keystore.salt, keystore.derived_length)?;
    let (cipher_key, mac_key) = halves(&derived)?;
    let mac = mac_of(mac_key, &keystore.ciphertext);
    if !bool::from(mac.ct_eq(&keystore.mac)) {
        return Err(fail("password", "wrong password (or a damaged keystore)"));
    }
    let mut key = Zeroizing::new(keystore.ciphertext);
    apply_cipher(cipher_key, &keystore.iv, key.as_mut_slice())?;
    let signer = KeySigner::from_bytes(&key)?;
    if keystore.address.is_some_and(|stated| stated != signer.address()) {
        return Err(fail("keystore.address", "the keystore holds the key of another address than it states"));
    }
    Ok(signer)
}

/// The address a keystore states, without its password; `None` when it states none. The
/// statement is checked only by [`decrypt`].
///
/// # Errors
/// As [`decrypt`], except for what only the password shows.
pub fn stated_address(json: &[u8]) -> Result<Option<Address>> {
    Ok(parse(json)?.address)
}

/// Encrypts a key under a password, with fresh salt and initialization vector; the text of a
/// keystore file.
///
/// # Errors
/// [`ErrorKind::Io`] when the system has no random numbers, [`ErrorKind::Signer`] when it has too
/// little memory for `cost`.
pub fn encrypt(key: &KeySigner, password: &str, cost: KeystoreCost) -> Result<String> {
    let salt = random_bytes("keystore")?;
    let mut iv = [0; 16];
    iv.copy_from_slice(&random_bytes("keystore")?[..16]);
    let mut id = [0; 16];
    id.copy_from_slice(&random_bytes("keystore")?[..16]);

    let kdf = Kdf::Scrypt { n: cost.n.into(), r: cost.r.into(), p: cost.p.into() };
    let derived = derive(&kdf, password, &salt, 32)?;
    let (cipher_key, mac_key) = halves(&derived)?;
    // Zeroizing until it is encrypted in place.
    let mut ciphertext = key.to_bytes();
    apply_cipher(cipher_key, &iv, ciphertext.as_mut_slice())?;
    let mac = mac_of(mac_key, ciphertext.as_slice());
    let keystore = serde_json::json!({
        "version": 3,
        "id": uuid(id),
        "address": hex(&key.address()),
        "crypto": {
            "cipher": "aes-128-ctr",
            "cipherparams": { "iv": hex(&iv) },
            "ciphertext": hex(ciphertext.as_slice()),
            "kdf": "scrypt",
            "kdfparams": {
                "dklen": 32,
                "n": cost.n,
                "r": cost.r,
                "p": cost.p,
                "salt": hex(&salt),
            },
            "mac": hex(&mac),
        },
    });
    Ok(format!("{keystore:#}\n"))
}

/// Reads and decrypts a keystore file.
///
/// # Errors
/// [`ErrorKind::Io`] when the file cannot be read, else as [`decrypt`].
pub fn load(path: &Path, password: &str) -> Result<KeySigner> {
    decrypt(&read(path)?, password)
}

/// Reads the text of a keystore file, at most [`MAX_BYTES`] of it.
///
/// # Errors
/// [`ErrorKind::Io`] when the file cannot be read, [`ErrorKind::Signer`] when it is too large.
pub fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>> {
    let io = |e: std::io::Error| Error::io(path, &e);
    let file = File::open(path).map_err(io)?;
    if file.metadata().map_err(io)?.is_dir() {
        return Err(Error::new(ErrorKind::Io, path.display().to_string(), "is a directory, not a keystore"));
    }
    let mut bytes = Zeroizing::new(Vec::new());
    // One byte more than allowed, so that `parse` sees the excess.
    file.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(io)?;
    Ok(bytes)
}

/// Encrypts a key into a new file (mode 0600); it is whole or absent whatever happens, and an
/// existing file is never overwritten.
///
/// # Errors
/// As [`encrypt`] and [`write_new`].
pub fn save_new(path: &Path, key: &KeySigner, password: &str, cost: KeystoreCost) -> Result<()> {
    write_new(path, encrypt(key, password, cost)?.as_bytes(), Access::Private)
}

fn derive(kdf: &Kdf, password: &str, salt: &[u8], length: usize) -> Result<Zeroizing<Vec<u8>>> {
    let mut derived = Zeroizing::new(vec![0; length]);
    match kdf {
        Kdf::Scrypt { n, r, p } => {
            scrypt(password.as_bytes(), salt, *n, *r, *p, &mut derived).ok_or_else(|| {
                fail("keystore.crypto.kdfparams.n", "there is not enough memory for scrypt with this n and r")
            })?;
        }
        Kdf::Pbkdf2(iterations) => {
            pbkdf2::pbkdf2::<Hmac<Sha256>>(password.as_bytes(), salt, *iterations, &mut derived)
                .map_err(|_| fail("password", "HMAC refuses this password"))?;
        }
    }
    Ok(derived)
}

/// The cipher's key and the MAC's: `dk[0..16]` and `dk[16..32]`.
fn halves(derived: &[u8]) -> Result<(&[u8], &[u8])> {
    match (derived.get(..16), derived.get(16..32)) {
        (Some(cipher), Some(mac)) => Ok((cipher, mac)),
        _ => Err(fail("keystore.crypto.kdfparams.dklen", "must be 32 to 64 bytes")),
    }
}

fn mac_of(mac_key: &[u8], ciphertext: &[u8]) -> [u8; 32] {
    keccak256(&Zeroizing::new([mac_key, ciphertext].concat()))
}

fn apply_cipher(key: &[u8], iv: &[u8], data: &mut [u8]) -> Result<()> {
    let mut cipher = ctr::Ctr128BE::<aes::Aes128>::new_from_slices(key, iv)
        .map_err(|_| fail("keystore.crypto.cipherparams.iv", "must be 16 bytes"))?;
    cipher.apply_keystream(data);
    Ok(())
}

fn parse(json: &[u8]) -> Result<Keystore> {
    let Value::Object(top) = strict_json(json)? else {
        return Err(fail("keystore", "not a JSON object"));
    };
    // Unknown fields are tolerated here alone: other tools add `name`, `x-ethers` and the like.
    if top.get("version").and_then(Value::as_u64) != Some(3) {
        return Err(fail("keystore.version", "must be 3"));
    }
    let crypto = match (top.get("crypto"), top.get("Crypto")) {
        (Some(_), Some(_)) => return Err(fail("keystore.crypto", "present twice, as `crypto` and `Crypto`")),
        (Some(value), None) | (None, Some(value)) => value,
        (None, None) => return Err(fail("keystore.crypto", "missing")),
    };
    let crypto = Object::new(
        "keystore.crypto",
        crypto,
        &["cipher", "cipherparams", "ciphertext", "kdf", "kdfparams", "mac"],
    )?;
    let cipher = crypto.text("keystore.crypto.cipher", "cipher")?;
    if cipher != "aes-128-ctr" {
        return Err(fail("keystore.crypto.cipher", "only aes-128-ctr is supported"));
    }
    let cipher_params = Object::new("keystore.crypto.cipherparams", crypto.get("cipherparams")?, &["iv"])?;
    let iv = cipher_params.bytes("keystore.crypto.cipherparams.iv", "iv")?;

    let kdf_params = crypto.get("kdfparams")?;
    let (kdf, kdf_params) = match crypto.text("keystore.crypto.kdf", "kdf")? {
        "scrypt" => {
            let params =
                Object::new("keystore.crypto.kdfparams", kdf_params, &["dklen", "n", "r", "p", "salt"])?;
            (scrypt_kdf(&params)?, params)
        }
        "pbkdf2" => {
            let params =
                Object::new("keystore.crypto.kdfparams", kdf_params, &["dklen", "c", "prf", "salt"])?;
            (pbkdf2_kdf(&params)?, params)
        }
        _ => return Err(fail("keystore.crypto.kdf", "only scrypt and pbkdf2 are supported")),
    };
    let derived_length = kdf_params.number("keystore.crypto.kdfparams.dklen", "dklen")?;
    let derived_length = usize::try_from(derived_length)
        .ok()
        .filter(|length| (32..=64).contains(length))
        .ok_or_else(|| fail("keystore.crypto.kdfparams.dklen", "must be 32 to 64 bytes"))?;
    let salt = hex_field(
        "keystore.crypto.kdfparams.salt",
        kdf_params.text("keystore.crypto.kdfparams.salt", "salt")?,
    )?;
    if salt.is_empty() || salt.len() > 128 {
        return Err(fail("keystore.crypto.kdfparams.salt", "must be 1 to 128 bytes"));
    }
    Ok(Keystore {
        address: address(top.get("address"))?,
        kdf,
        salt,
        derived_length,
        iv,
        ciphertext: crypto.bytes("keystore.crypto.ciphertext", "ciphertext")?,
        mac: crypto.bytes("keystore.crypto.mac", "mac")?,
    })
}

fn scrypt_kdf(params: &Object) -> Result<Kdf> {
    let n = params.number("keystore.crypto.kdfparams.n", "n")?;
    let r = params.number("keystore.crypto.kdfparams.r", "r")?;
    let p = params.number("keystore.crypto.kdfparams.p", "p")?;
    if n < 2 || !n.is_power_of_two() {
        return Err(fail("keystore.crypto.kdfparams.n", "must be a power of two above 1"));
    }
    if r == 0 {
        return Err(fail("keystore.crypto.kdfparams.r", "must be above 0"));
    }
    if p == 0 {
        return Err(fail("keystore.crypto.kdfparams.p", "must be above 0"));
    }
    let too_much = |rows: Option<u64>| {
        let memory = rows.and_then(|rows| rows.checked_mul(r)).and_then(|v| v.checked_mul(128));
        memory.is_none_or(|bytes| bytes > MAX_SCRYPT_MEMORY)
    };
    if too_much(Some(n)) {
        return Err(fail(
            "keystore.crypto.kdfparams.n",
            format!("n * r * 128 is above the limit of {MAX_SCRYPT_MEMORY} bytes"),
        ));
    }
    if n.checked_mul(r).and_then(|v| v.checked_mul(p)).is_none_or(|work| work > MAX_SCRYPT_WORK) {
        return Err(fail(
            "keystore.crypto.kdfparams.p",
            format!("n * r * p is above the limit of {MAX_SCRYPT_WORK}"),
        ));
    }
    // The table of n rows, the state of p lanes, two rows of scratch.
    if too_much(n.checked_add(p).and_then(|rows| rows.checked_add(2))) {
        return Err(fail(
            "keystore.crypto.kdfparams.p",
            format!("(n + p + 2) * r * 128 is above the limit of {MAX_SCRYPT_MEMORY} bytes"),
        ));
    }
    Ok(Kdf::Scrypt { n, r, p })
}

fn pbkdf2_kdf(params: &Object) -> Result<Kdf> {
    if params.text("keystore.crypto.kdfparams.prf", "prf")? != "hmac-sha256" {
        return Err(fail("keystore.crypto.kdfparams.prf", "only hmac-sha256 is supported"));
    }
    let c = params.number("keystore.crypto.kdfparams.c", "c")?;
    u32::try_from(c)
        .ok()
        .filter(|c| (1..=MAX_PBKDF2_ITERATIONS).contains(c))
        .map(Kdf::Pbkdf2)
        .ok_or_else(|| fail("keystore.crypto.kdfparams.c", format!("must be 1 to {MAX_PBKDF2_ITERATIONS}")))
}

/// Keystores write the address without `0x`, or leave it empty to tell nothing.
fn address(value: Option<&Value>) -> Result<Option<Address>> {
    let field = "keystore.address";
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.is_empty() => Ok(None),
        Some(Value::String(text)) => {
            let digits = text.strip_prefix("0x").unwrap_or(text);
            hex_field(field, digits)?.try_into().map(Some).map_err(|_| fail(field, "must be 20 bytes of hex"))
        }
        Some(_) => Err(fail(field, "must be a string")),
    }
}

/// A JSON object whose fields are all known.
struct Object<'a>(&'static str, &'a Map<String, Value>);

impl<'a> Object<'a> {
    fn new(name: &'static str, value: &'a Value, known: &[&str]) -> Result<Self> {
        let map = value.as_object().ok_or_else(|| fail(name, "missing, or not an object"))?;
        match map.keys().find(|key| !known.contains(&key.as_str())) {
            Some(key) => {
                let key: String = key.chars().take(64).collect();
                Err(fail(name, format!("unknown field `{}`", key.escape_debug())))
            }
            None => Ok(Object(name, map)),
        }
    }

    fn get(&self, key: &str) -> Result<&'a Value> {
        self.1.get(key).ok_or_else(|| fail(self.0, format!("the field `{key}` is missing")))
    }

    fn text(&self, field: &'static str, key: &str) -> Result<&'a str> {
        self.get(key)?.as_str().ok_or_else(|| fail(field, "must be a string"))
    }

    fn number(&self, field: &'static str, key: &str) -> Result<u64> {
        self.get(key)?.as_u64().ok_or_else(|| fail(field, "must be a whole number, not negative"))
    }

    fn bytes<const N: usize>(&self, field: &'static str, key: &str) -> Result<[u8; N]> {
        let bytes = hex_field(field, self.text(field, key)?)?;
        bytes.try_into().map_err(|_| fail(field, format!("must be {N} bytes of hex")))
    }
}

fn hex_field(field: &'static str, text: &str) -> Result<Vec<u8>> {
    let bad = || fail(field, "not hex");
    if !text.len().is_multiple_of(2) {
        return Err(bad());
    }
    let nibble = |c: u8| char::from(c).to_digit(16).and_then(|v| u8::try_from(v).ok()).ok_or_else(bad);
    text.as_bytes()
        .chunks_exact(2)
        .map(|pair| match pair {
            [high, low] => Ok(nibble(*high)? << 4 | nibble(*low)?),
            _ => Err(bad()),
        })
        .collect()
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, b| {
        let _ = write!(text, "{b:02x}"); // writing to a String cannot fail
        text
    })
}

/// RFC 9562, version 4.
fn uuid(mut bytes: [u8; 16]) -> String {
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let text = hex(&bytes);
    let part = |from, to| text.get(from..to).unwrap_or_default();
    format!("{}-{}-{}-{}-{}", part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32))
}

fn strict_json(json: &[u8]) -> Result<Value> {
    let limits = Limits { max_bytes: MAX_BYTES, max_depth: 16, max_values: 4096 };
    json::parse("keystore", json, limits).map_err(|e| fail("keystore", e.message()))
}

fn fail(field: &'static str, why: impl Into<String>) -> Error {
    Error::new(ErrorKind::Signer, field, why)
}
