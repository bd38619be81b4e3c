//! What is demanded of a receipt, and the comparison with what it says; the client's own request aside.

use super::{invalid, unverifiable, Check};
use crate::abi::{keccak256, Word, ZERO};
use crate::commitment::{provider_commitment, Salts, SeedRuleInputs};
use crate::error::{Error, Result};
use crate::hex::{self, checksum_address};
use crate::profile::{self, Profile};
use crate::receipt::{Domain, Finish, Kind, SomeSalts};
use crate::request::Request;
use crate::signer::Address;
use crate::verdict::Verdict;

/// What the one who checks demands of a receipt; what is not demanded is listed as not compared.
#[derive(Debug, Clone, Default)]
pub struct Expectations {
    /// Who must have signed.
    pub signer: Option<Address>,
    /// SHA-256 of the GGUF that must have run.
    pub model: Option<Word>,
    /// SHA-256 of the adapter's GGUF that must have been applied; all zero: none.
    pub adapter: Option<Word>,
    /// Hash of the sampling policy.
    pub sampler: Option<Word>,
    /// Id of the execution profile; `exact`: any exact one of this release.
    pub profile: Option<String>,
    /// How the output must have ended.
    pub finish: Option<Finish>,
    /// The job the receipt must be for.
    pub context: Option<Word>,
    /// The contract the receipt must be signed for, or that it is for none.
    pub domain: Option<Domain>,
    /// The first second, Unix time, at which it may say that it was issued.
    pub issued_from: Option<u64>,
    /// The last such second.
    pub issued_until: Option<u64>,
    /// What the seed must be, or be made of.
    pub seed: ExpectedSeed,
    /// The nonce of the request.
    pub nonce: Option<Word>,
    /// The client's own request: messages or prompt, tools, date, sampling policy; and seed, nonce,
    /// context, domain and time where it states them.
    pub request: Option<Request>,
    /// A scored receipt (kind 1) is wanted; otherwise it is invalid.
    pub scored: bool,
    /// A cancelled output, of which only the prefix is claimed, is acceptable.
    pub allow_prefix: bool,
}

/// What is demanded of a receipt's seed (`docs/spec/receipt-1.md` §6). A receipt that has no seed, because it is greedy
/// or scored, meets none of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ExpectedSeed {
    /// The seed itself.
    pub seed: Option<Word>,
    /// The client's entropy, which went into it by rule 1.
    pub client_entropy: Option<Word>,
    /// What the provider had published of its secret before it knew the client's entropy, rule 1
    /// ([`provider_commitment`]).
    pub provider_commitment: Option<Word>,
    /// The public beacon it was made of, by rule 2.
    pub beacon: Option<Word>,
}

impl ExpectedSeed {
    /// Whether anything is demanded.
    #[must_use]
    pub fn is_given(&self) -> bool {
        *self != Self::default()
    }
}

impl Expectations {
    /// Checks that a receipt can meet them.
    ///
    /// # Errors
    /// [`ErrorKind::Argument`](crate::ErrorKind::Argument) naming the field: a time that ends before it begins, a nonce
    /// that no request has.
    pub fn validate(&self) -> Result<()> {
        if self.issued_from.zip(self.issued_until).is_some_and(|(first, last)| first > last) {
            return Err(Error::argument("issuedFrom", "must not be after issuedUntil"));
        }
        if self.nonce == Some(ZERO) {
            return Err(Error::argument("nonce", "must not be all zero"));
        }
        Ok(())
    }

    /// Whether a time of issue is demanded.
    pub(super) fn has_time(&self) -> bool {
        self.issued_from.is_some() || self.issued_until.is_some()
    }
}

/// `Err` is the final verdict.
type Compared = std::result::Result<(), Verdict>;

impl Check<'_> {
    /// What the receipt's own fields answer.
    pub(super) fn expectations(&mut self, expectations: &Expectations) -> Compared {
        let receipt = self.document.receipt;
        self.word("model", expectations.model, receipt.model)?;
        self.word("adapter", expectations.adapter, receipt.adapter)?;
        self.profile(expectations.profile.as_deref())?;
        if receipt.kind == Kind::Generated || expectations.sampler.is_some() {
            self.word("sampler", expectations.sampler, receipt.sampler)?;
        }
        // The client's request is for a job, or for none.
        let asked = expectations.request.as_ref().map(|request| request.context.hash());
        self.word("context", expectations.context.or(asked), receipt.context)?;
        self.value("signer", expectations.signer, receipt.signer, checksum_address)?;
        self.value("finish", expectations.finish, receipt.finish, |finish| format!("`{}`", finish.name()))?;
        // Without one of its own the request has its say later.
        if expectations.domain.is_some() || expectations.request.is_none() {
            self.value("domain", expectations.domain, self.document.domain, domain_text)?;
        }
        self.time(expectations)
    }

    /// By an id, its hash, or [`profile::EXACT`] for either of the exact ones.
    fn profile(&mut self, expected: Option<&str>) -> Compared {
        let found = self.document.receipt.profile;
        let is_found = |id: &str| keccak256(id.as_bytes()) == found;
        let is_met = |expected: &str| match hex::decode_array("profile", expected) {
            Ok(hash) => hash == found,
            Err(_) if expected == profile::EXACT => {
                Profile::EXACT.into_iter().any(|exact| exact.hash() == found)
            }
            Err(_) => is_found(expected),
        };
        if let Some(expected) = expected.filter(|expected| !is_met(expected)) {
            let known = Profile::ALL.map(Profile::id).into_iter().find(|id| is_found(id));
            let found = known.unwrap_or_else(|| hex::encode(&found));
            return Err(invalid(format!("profile: {expected} was expected, the receipt has {found}")));
        }
        self.value("profile", expected, expected.unwrap_or_default(), |id| (*id).to_owned())
    }

    fn word(&mut self, name: &str, expected: Option<Word>, found: Word) -> Compared {
        self.value(name, expected, found, |word| hex::encode(word))
    }

    fn value<T: PartialEq>(
        &mut self,
        name: &str,
        expected: Option<T>,
        found: T,
        text: impl Fn(&T) -> String,
    ) -> Compared {
        match expected {
            Some(expected) if expected != found => Err(invalid(format!(
                "{name}: {} was expected, the receipt has {}",
                text(&expected),
                text(&found)
            ))),
            Some(_) => {
                self.compared(&format!("expected {name}"));
                Ok(())
            }
            None => {
                self.not_compared(format!("expected {name} (none given)"));
                Ok(())
            }
        }
    }

    fn time(&mut self, expectations: &Expectations) -> Compared {
        let at = self.document.receipt.issued_at;
        let wrong =
            |what: &str, limit: u64| invalid(format!("issuedAt: {at}, {what} that is expected is {limit}"));
        if let Some(first) = expectations.issued_from.filter(|first| at < *first) {
            return Err(wrong("the first second", first));
        }
        if let Some(last) = expectations.issued_until.filter(|last| at > *last) {
            return Err(wrong("the last second", last));
        }
        if expectations.has_time() {
            self.compared("expected issuedAt");
        } else if expectations.request.is_none() {
            self.not_compared("expected issuedAt (none given)");
        }
        Ok(())
    }

    /// What only the disclosure answers, which is what the receipt commits to by now: seed and nonce.
    pub(super) fn opened(&mut self, expectations: &Expectations, unbound: &[&'static str]) -> Compared {
        self.seed(&expectations.seed, expectations.request.is_some())?;
        match expectations.nonce {
            Some(nonce) => {
                self.nonce(&nonce, unbound)?;
                self.compared("expected nonce");
            }
            None if expectations.request.is_none() => self.not_compared("expected nonce (none given)"),
            None => {}
        }
        Ok(())
    }

    fn seed(&mut self, expected: &ExpectedSeed, request_follows: bool) -> Compared {
        let receipt = self.document.receipt;
        if !expected.is_given() {
            if receipt.seed != ZERO && !request_follows {
                self.not_compared("expected seed (none given)");
            }
            return Ok(());
        }
        if receipt.seed == ZERO {
            return Err(invalid("seed: one was expected, the receipt is greedy or scored and has none"));
        }
        let found = self.document.disclosure.as_ref().and_then(|disclosure| disclosure.seed);
        let found = found.ok_or_else(|| unverifiable("the seed is not disclosed"))?;
        let (rule, expected_seed) = (found.inputs.rule() as u8, expected.seed);
        let (entropy, published, beacon) = match &found.inputs {
            SeedRuleInputs::Given => (None, None, None),
            SeedRuleInputs::Commitment { client_entropy, provider_secret } => {
                let published = provider_commitment(&receipt.signer, provider_secret);
                (Some(*client_entropy), Some(published), None)
            }
            SeedRuleInputs::Beacon { beacon, .. } => (None, None, Some(*beacon)),
        };
        for (name, expected, found) in [
            ("seed", expected.seed, Some(found.seed)),
            ("clientEntropy", expected.client_entropy, entropy),
            ("providerCommitment", expected.provider_commitment, published),
            ("beacon", expected.beacon, beacon),
        ] {
            match (expected, found) {
                // The seed leaves nothing open; one half of rule 1 leaves the other.
                (None, Some(_)) if expected_seed.is_none() && name != "seed" => {
                    self.not_compared(format!("expected {name} (none given)"));
                }
                (None, _) => {}
                (expected, Some(found)) => self.word(name, expected, found)?,
                (Some(_), None) => {
                    return Err(invalid(format!(
                        "{name}: one was expected, the seed is made by rule {rule}"
                    )));
                }
            }
        }
        Ok(())
    }

    /// A nonce against the salts that it made, if the document opens something that binds them to the receipt: others
    /// could be anybody's.
    fn nonce(&self, expected: &Word, unbound: &[&'static str]) -> Compared {
        let wrong = || invalid("nonce: not the one that was expected");
        let disclosure = self.document.disclosure.as_ref().filter(|_| !unbound.contains(&"nonce"));
        let salts = disclosure.and_then(|disclosure| Some((disclosure.salts().ok()?, disclosure.stream)));
        let (found, stream) = salts.unwrap_or_default();
        let wanted: SomeSalts = Salts::derive(expected, stream).map_err(|_| wrong())?.into();
        let pairs = wanted.named().into_iter().zip(found.named());
        let bound = pairs.filter(|((name, _), (_, found))| found.is_some() && !unbound.contains(name));
        let equal: Vec<bool> = bound.map(|((_, wanted), (_, found))| wanted == found).collect();
        match equal.as_slice() {
            [] => Err(unverifiable("nothing that the nonce salts is disclosed")),
            all if all.contains(&false) => Err(wrong()),
            _ => Ok(()),
        }
    }
}

fn domain_text(domain: &Domain) -> String {
    match domain {
        Domain::None => "none".into(),
        Domain::Contract { chain_id, verifying_contract } => {
            format!("{chain_id}:{}", checksum_address(verifying_contract))
        }
    }
}
