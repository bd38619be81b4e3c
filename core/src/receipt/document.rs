//! The JSON document: what `eth_signTypedData_v4` tools expect, plus `signature`, `signer` and
//! `disclosure`.

use serde_json::{json, Value};

use super::eip712::{DOMAIN_TYPE, PRIMARY_TYPE, RECEIPT_FIELDS};
use super::{
    expect_text, malformed, Disclosure, Domain, Finish, Kind, Receipt, Shown, DOMAIN_NAME, DOMAIN_VERSION,
};
use crate::abi::Word;
use crate::error::{Error, ErrorKind, Result};
use crate::hex;
use crate::json::{self, Limits, Object, Ordered};
use crate::signer;
use crate::steps::{self, StepProof};

/// What a document may cost to read.
pub const DOCUMENT_LIMITS: Limits =
    Limits { max_bytes: 64 << 20, max_depth: json::MAX_DEPTH, max_values: 1 << 22 };

/// The longest signature of a contract wallet, in bytes.
pub const MAX_SIGNATURE: usize = 8192;

/// What stands as a receipt's signature. Only stored here; whether it is one is decided where it is checked.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub enum Signature {
    /// None yet: it is to be made elsewhere.
    #[default]
    Missing,
    /// r, s (32 bytes each, big-endian), v (27 or 28): a key's, or a contract wallet's of that length.
    Key([u8; 65]),
    /// Another length, at most [`MAX_SIGNATURE`]: a contract wallet's (ERC-1271), under a contract domain alone.
    Wallet(Vec<u8>),
}

impl Signature {
    /// The bytes; none if it is missing.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        match self {
            Signature::Missing => &[],
            Signature::Key(bytes) => bytes,
            Signature::Wallet(bytes) => bytes,
        }
    }

    /// Of the one form that these bytes have.
    fn of(domain: &Domain, bytes: &[u8]) -> Result<Self> {
        if let Ok(key) = bytes.try_into() {
            return Ok(Signature::Key(key));
        }
        match domain {
            Domain::None => {
                Err(Error::argument("signature", "must be 65 bytes: the receipt is for no contract"))
            }
            _ if bytes.len() > MAX_SIGNATURE => {
                Err(Error::argument("signature", format!("must be at most {MAX_SIGNATURE} bytes")))
            }
            Domain::Contract { .. } => Ok(Signature::Wallet(bytes.to_vec())),
        }
    }
}

/// A signed receipt, with its openings or without.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// The signed statement.
    pub receipt: Receipt,
    /// What the signature is meant for.
    pub domain: Domain,
    /// The signature over [`Document::digest`].
    pub signature: Signature,
    /// What a verifier needs besides.
    pub disclosure: Option<Disclosure>,
}

impl Document {
    /// The EIP-712 digest that was signed.
    #[must_use]
    pub fn digest(&self) -> Word {
        self.receipt.digest(&self.domain)
    }

    /// Whether it has a signature; an [`ExternalSigner`](crate::signer::ExternalSigner) leaves it to be added.
    #[must_use]
    pub fn is_signed(&self) -> bool {
        self.signature != Signature::Missing
    }

    /// The account whose key made the signature.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Signer`]: no key's signature, or none at all.
    pub fn recover(&self) -> Result<signer::Address> {
        match &self.signature {
            Signature::Key(bytes) => signer::recover(&self.digest(), bytes),
            _ => Err(Error::new(ErrorKind::Signer, "signature", "not the 65 bytes of a key's")),
        }
    }

    /// Adds the signature of the stated signer, made elsewhere over [`Document::digest`]: r, s and v; a high s
    /// and v as 0 or 1 are brought to the one valid form.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Signer`]: no signature, or somebody else's. The document is unchanged then.
    pub fn add_signature(&mut self, signature: &[u8]) -> Result<()> {
        self.signature =
            Signature::Key(signer::checked("signature", &self.digest(), signature, &self.receipt.signer)?);
        Ok(())
    }

    /// Adds what a contract wallet, the stated signer, takes for its signature of [`Document::digest`] (ERC-1271): as it
    /// is, since only its chain can check it.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Argument`]: the receipt is for no contract, or more than [`MAX_SIGNATURE`] bytes. The document is
    /// unchanged then.
    pub fn add_wallet_signature(&mut self, signature: &[u8]) -> Result<()> {
        if self.domain == Domain::None {
            return Err(Error::argument(
                "domain",
                "only under that of a contract a wallet's signature can be checked",
            ));
        }
        self.signature = Signature::of(&self.domain, signature)?;
        Ok(())
    }

    /// The proof of step `index`, from what is disclosed.
    ///
    /// # Errors
    /// [`ErrorKind::Receipt`] if steps or their salt are not disclosed or not those of the receipt,
    /// [`ErrorKind::Argument`] if there is no such step.
    pub fn prove_step(&self, index: u32) -> Result<StepProof> {
        let missing = |what: &'static str| Error::new(ErrorKind::Receipt, what, "it is not disclosed");
        let disclosure = self.disclosure.as_ref().ok_or_else(|| missing("disclosure"))?;
        let shown = disclosure.steps.as_ref().ok_or_else(|| missing("disclosure.steps"))?;
        let salt = disclosure.salts()?.steps.ok_or_else(|| missing("disclosure.salts.steps"))?;
        let proof = steps::proof(&salt, shown, index)?;
        proof.verify(&self.receipt)?;
        Ok(proof)
    }

    /// This document with no more readable than these steps, each with its proof, the id of the profile and what
    /// the receipt is for. Request,
    /// prompt, policy, tokens, the other steps, seed and nonce are withheld, and with them every other salt.
    ///
    /// # Errors
    /// As [`Self::prove_step`]; [`ErrorKind::Argument`] without a step.
    pub fn redacted(&self, shown: &Shown) -> Result<Document> {
        shown.check()?;
        let whole = self.disclosure.as_ref();
        let step_proofs = shown.steps.iter().map(|index| self.prove_step(*index)).collect::<Result<_>>()?;
        Ok(Document {
            disclosure: Some(Disclosure {
                profile: whole.and_then(|whole| whole.profile.clone()),
                stream: whole.map_or(0, |whole| whole.stream),
                step_proofs,
                context_inputs: whole.and_then(|whole| whole.context_inputs),
                ..Disclosure::default()
            }),
            ..self.clone()
        })
    }

    /// Reads a document. Its `types` must be the built-in ones: they are compared, never used.
    /// The rules among the receipt's fields ([`Receipt::check_form`]), the signature and the
    /// commitments are not checked here.
    ///
    /// # Errors
    /// Any other form: limits, syntax, duplicate, missing or unknown fields, hex or numbers
    /// that are not canonical, two signers; [`crate::ErrorKind::Receipt`].
    pub fn parse(text: &[u8]) -> Result<Self> {
        Self::read(text).map_err(malformed)
    }

    fn read(text: &[u8]) -> Result<Self> {
        let mut object = Object::new("", json::parse("receipt document", text, DOCUMENT_LIMITS)?)?;
        let types = object.required("types")?;
        expect_text(&mut object, "primaryType", PRIMARY_TYPE)?;
        let domain = read_domain(object.object("domain")?)?;
        if types != built_in_types(&domain) {
            return Err(Error::argument(
                "types",
                "must be the types of an AttestLM receipt with this domain",
            ));
        }
        let receipt = read_message(object.object("message")?)?;
        let signature = match object.has("signature") {
            true => Signature::of(&domain, &hex::decode("signature", &object.string("signature")?)?)?,
            false => Signature::Missing,
        };
        if object.bytes::<20>("signer")? != receipt.signer {
            return Err(Error::argument("signer", "must be the same as message.signer"));
        }
        let disclosure = match object.optional("disclosure") {
            Some(value) => Some(Disclosure::read("disclosure".to_owned(), value)?),
            None => None,
        };
        object.finish()?;
        Ok(Document { receipt, domain, signature, disclosure })
    }

    /// The document's text: UTF-8, fields in a fixed order, two spaces a level, a newline at
    /// the end. Reading it gives the same document.
    ///
    /// # Errors
    /// A request in the disclosure that has no RFC 8785 form.
    pub fn to_json(&self) -> Result<String> {
        let mut members = typed_data(&self.receipt, &self.domain);
        if self.is_signed() {
            members.push(("signature", hex::encode(self.signature.bytes()).into()));
        }
        members.push(("signer", hex::encode(&self.receipt.signer).into()));
        if let Some(disclosure) = &self.disclosure {
            members.push(("disclosure", disclosure.write()));
        }
        let text = Ordered::Object(members).to_text()?;
        // What no reader takes is not written: the longest contexts have more tokens than a document may hold.
        match text.len() > DOCUMENT_LIMITS.max_bytes || self.tokens() > DOCUMENT_LIMITS.max_values / 2 {
            true => Err(Error::new(
                ErrorKind::Receipt,
                "disclosure",
                format!("too long for a document, at most {} bytes", DOCUMENT_LIMITS.max_bytes),
            )),
            false => Ok(text),
        }
    }

    /// How many tokens it lists.
    fn tokens(&self) -> usize {
        let listed = |tokens: &Option<Vec<_>>| tokens.as_ref().map_or(0, Vec::len);
        self.disclosure
            .as_ref()
            .map_or(0, |d| listed(&d.prompt_tokens).saturating_add(listed(&d.output_tokens)))
    }

    /// The document as a value, to be part of another.
    ///
    /// # Errors
    /// As [`Self::to_json`].
    pub fn to_value(&self) -> Result<Value> {
        let text = self.to_json()?;
        serde_json::from_str(&text).map_err(|e| Error::new(ErrorKind::Internal, "receipt", e.to_string()))
    }
}

impl Receipt {
    /// What a wallet's `eth_signTypedData_v4` takes: the document before it is signed.
    ///
    /// # Errors
    /// None in practice; the writer's depth limit is never met.
    pub fn to_typed_data(&self, domain: &Domain) -> Result<String> {
        Ordered::Object(typed_data(self, domain)).to_text()
    }
}

fn typed_data(receipt: &Receipt, domain: &Domain) -> Vec<(&'static str, Ordered)> {
    let fields = |fields: &[(&'static str, &'static str)]| {
        let entry = |(kind, name): &(&'static str, &'static str)| {
            Ordered::Object(vec![("name", (*name).into()), ("type", (*kind).into())])
        };
        Ordered::Array(fields.iter().map(entry).collect())
    };
    let types =
        Ordered::Object(vec![(DOMAIN_TYPE, fields(domain.fields())), (PRIMARY_TYPE, fields(RECEIPT_FIELDS))]);
    vec![
        ("types", types),
        ("primaryType", PRIMARY_TYPE.into()),
        ("domain", write_domain(domain)),
        ("message", write_message(receipt)),
    ]
}

fn built_in_types(domain: &Domain) -> Value {
    let fields = |fields: &[(&str, &str)]| -> Value {
        fields.iter().map(|(kind, name)| json!({ "name": name, "type": kind })).collect()
    };
    json!({ DOMAIN_TYPE: fields(domain.fields()), PRIMARY_TYPE: fields(RECEIPT_FIELDS) })
}

fn write_domain(domain: &Domain) -> Ordered {
    let mut members = vec![("name", DOMAIN_NAME.into()), ("version", DOMAIN_VERSION.into())];
    if let Domain::Contract { chain_id, verifying_contract } = domain {
        members.push(("chainId", (*chain_id).into()));
        members.push(("verifyingContract", hex::encode(verifying_contract).into()));
    }
    Ordered::Object(members)
}

fn read_domain(mut object: Object) -> Result<Domain> {
    expect_text(&mut object, "name", DOMAIN_NAME)?;
    expect_text(&mut object, "version", DOMAIN_VERSION)?;
    let domain = if object.has("chainId") || object.has("verifyingContract") {
        Domain::contract(
            object.integer("chainId", Domain::MAX_CHAIN_ID)?,
            object.bytes("verifyingContract")?,
        )?
    } else {
        Domain::None
    };
    object.finish()?;
    Ok(domain)
}

impl Receipt {
    /// Name and JSON value of every field, in the order of the EIP-712 type, as the document's
    /// `message` holds them.
    #[must_use]
    pub fn message(&self) -> Vec<(&'static str, Value)> {
        let word = |word: &Word| Value::from(hex::encode(word));
        vec![
            ("kind", (self.kind as u8).into()),
            ("model", word(&self.model)),
            ("adapter", word(&self.adapter)),
            ("profile", word(&self.profile)),
            ("sampler", word(&self.sampler)),
            ("seed", word(&self.seed)),
            ("request", word(&self.request)),
            ("prompt", word(&self.prompt)),
            ("output", word(&self.output)),
            ("trace", word(&self.trace)),
            ("steps", word(&self.steps)),
            ("promptCount", self.prompt_count.into()),
            ("outputCount", self.output_count.into()),
            ("finish", (self.finish as u8).into()),
            ("issuedAt", self.issued_at.to_string().into()),
            ("context", word(&self.context)),
            ("signer", hex::encode(&self.signer).into()),
        ]
    }
}

fn write_message(receipt: &Receipt) -> Ordered {
    Ordered::Object(receipt.message().into_iter().map(|(name, value)| (name, value.into())).collect())
}

fn read_message(mut object: Object) -> Result<Receipt> {
    let receipt = Receipt {
        kind: small(&mut object, "kind", Kind::try_from)?,
        model: object.bytes("model")?,
        adapter: object.bytes("adapter")?,
        profile: object.bytes("profile")?,
        sampler: object.bytes("sampler")?,
        seed: object.bytes("seed")?,
        request: object.bytes("request")?,
        prompt: object.bytes("prompt")?,
        output: object.bytes("output")?,
        trace: object.bytes("trace")?,
        steps: object.bytes("steps")?,
        prompt_count: object.uint32("promptCount")?,
        output_count: object.uint32("outputCount")?,
        finish: small(&mut object, "finish", Finish::try_from)?,
        issued_at: uint64(&mut object, "issuedAt")?,
        context: object.bytes("context")?,
        signer: object.bytes("signer")?,
    };
    object.finish()?;
    Ok(receipt)
}

fn small<T>(object: &mut Object, key: &'static str, read: fn(u8) -> Result<T>) -> Result<T> {
    let value = object.integer(key, u8::MAX.into())?;
    let value = u8::try_from(value).map_err(|_| Error::argument(object.path(key), "must be a uint8"))?;
    read(value).map_err(|e| Error::argument(object.path(key), e.message()))
}

/// A `uint64` as decimal text, the one form of it.
fn uint64(object: &mut Object, key: &'static str) -> Result<u64> {
    let text = object.string(key)?;
    let value = text.parse::<u64>().ok().filter(|value| value.to_string() == text);
    value.ok_or_else(|| {
        Error::argument(object.path(key), "must be a uint64 as a decimal string, without leading zeros")
    })
}
