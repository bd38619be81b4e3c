//! EIP-712, by hand: the struct is flat, so its hash is one keccak256 over 18 words.

use super::Receipt;
use crate::abi::{self, keccak256, keccak_words, Word};
use crate::error::{Error, Result};
use crate::ErrorKind;

/// `name` of the signing domain.
pub const DOMAIN_NAME: &str = "AttestLM";
/// `version` of the signing domain.
pub const DOMAIN_VERSION: &str = "1";

/// The primary type.
pub(super) const PRIMARY_TYPE: &str = "Receipt";
/// The name EIP-712 gives to the domain's type.
pub(super) const DOMAIN_TYPE: &str = "EIP712Domain";

/// Type and name of the receipt's fields, in order.
pub(super) const RECEIPT_FIELDS: &[(&str, &str)] = &[
    ("uint8", "kind"),
    ("bytes32", "model"),
    ("bytes32", "adapter"),
    ("bytes32", "profile"),
    ("bytes32", "sampler"),
    ("bytes32", "seed"),
    ("bytes32", "request"),
    ("bytes32", "prompt"),
    ("bytes32", "output"),
    ("bytes32", "trace"),
    ("bytes32", "steps"),
    ("uint32", "promptCount"),
    ("uint32", "outputCount"),
    ("uint8", "finish"),
    ("uint64", "issuedAt"),
    ("bytes32", "context"),
    ("address", "signer"),
];

/// For what a signature is meant: two domain types, nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Domain {
    /// Not for a contract: `EIP712Domain(string name,string version)`.
    None,
    /// For the AttestLM verifier of one chain:
    /// `EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)`.
    Contract {
        /// EIP-155 chain id, 1 to [`Domain::MAX_CHAIN_ID`].
        chain_id: u64,
        /// The verifier's address, not zero.
        verifying_contract: [u8; 20],
    },
}

impl Domain {
    /// The largest chain id, 2^53 - 1: a JSON number that every wallet reads exactly.
    pub const MAX_CHAIN_ID: u64 = (1 << 53) - 1;

    /// The domain of the verifier at `verifying_contract` on chain `chain_id`.
    ///
    /// # Errors
    /// A chain id outside 1 to [`Domain::MAX_CHAIN_ID`], a zero address.
    pub fn contract(chain_id: u64, verifying_contract: [u8; 20]) -> Result<Self> {
        let domain = Domain::Contract { chain_id, verifying_contract };
        domain.check_form()?;
        Ok(domain)
    }

    /// The limits of [`Domain::contract`].
    ///
    /// # Errors
    /// As there, [`ErrorKind::Receipt`].
    pub fn check_form(&self) -> Result<()> {
        if let Domain::Contract { chain_id, verifying_contract } = self {
            if *chain_id == 0 || *chain_id > Self::MAX_CHAIN_ID {
                return Err(Error::new(ErrorKind::Receipt, "domain.chainId", "must be 1 to 2^53 - 1"));
            }
            if *verifying_contract == [0; 20] {
                return Err(Error::new(ErrorKind::Receipt, "domain.verifyingContract", "must not be zero"));
            }
        }
        Ok(())
    }

    /// Type and name of the domain's fields, in order.
    pub(super) fn fields(&self) -> &'static [(&'static str, &'static str)] {
        const FIELDS: &[(&str, &str)] = &[
            ("string", "name"),
            ("string", "version"),
            ("uint256", "chainId"),
            ("address", "verifyingContract"),
        ];
        match self {
            Domain::None => &FIELDS[..2],
            Domain::Contract { .. } => FIELDS,
        }
    }

    /// The domain separator.
    #[must_use]
    pub fn separator(&self) -> Word {
        let mut words = vec![
            keccak256(encode_type(DOMAIN_TYPE, self.fields()).as_bytes()),
            keccak256(DOMAIN_NAME.as_bytes()),
            keccak256(DOMAIN_VERSION.as_bytes()),
        ];
        if let Domain::Contract { chain_id, verifying_contract } = self {
            words.extend([abi::uint(*chain_id), abi::address(verifying_contract)]);
        }
        keccak_words(&words)
    }
}

impl Receipt {
    /// keccak256 of `Receipt(uint8 kind,bytes32 model,…)`.
    #[must_use]
    pub fn type_hash() -> Word {
        keccak256(encode_type(PRIMARY_TYPE, RECEIPT_FIELDS).as_bytes())
    }

    /// `hashStruct` of the receipt.
    #[must_use]
    pub fn struct_hash(&self) -> Word {
        let mut words = vec![Self::type_hash()];
        words.extend(self.words());
        keccak_words(&words)
    }

    /// The digest that is signed: `keccak256(0x19 0x01 || separator || struct hash)`.
    #[must_use]
    pub fn digest(&self, domain: &Domain) -> Word {
        let mut bytes = [0; 66];
        bytes[..2].copy_from_slice(&[0x19, 0x01]);
        bytes[2..34].copy_from_slice(&domain.separator());
        bytes[34..].copy_from_slice(&self.struct_hash());
        keccak256(&bytes)
    }
}

fn encode_type(name: &str, fields: &[(&str, &str)]) -> String {
    let fields: Vec<_> = fields.iter().map(|(kind, field)| format!("{kind} {field}")).collect();
    format!("{name}({})", fields.join(","))
}
