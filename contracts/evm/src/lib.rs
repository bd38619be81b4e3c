//! The contracts, compiled by `contracts/compile.mjs`, in an EVM of this process.

use std::path::PathBuf;

use alloy_sol_types::SolCall;
use revm::context::result::{ExecutionResult, Output};
use revm::context::{Context, TxEnv};
use revm::database::{CacheDB, EmptyDB};
use revm::handler::{MainnetContext, MainnetEvm};
use revm::primitives::{Address, Bytes, TxKind};
use revm::state::AccountInfo;
use revm::{ExecuteCommitEvm, ExecuteEvm, MainBuilder, MainContext};

/// Solidity's names of what the contracts take and give.
pub mod abi {
    alloy_sol_types::sol! {
        struct Receipt {
            uint8 kind; bytes32 model; bytes32 adapter; bytes32 profile; bytes32 sampler; bytes32 seed; bytes32 request;
            bytes32 prompt; bytes32 output; bytes32 trace; bytes32 steps; uint32 promptCount; uint32 outputCount; uint8 finish;
            uint64 issuedAt; bytes32 context; address signer;
        }

        struct StepProof {
            uint32 count; uint32 index; uint8 kind; uint32 firstToken; uint32 endToken; bytes text; bytes32 salt;
            bytes32[] siblings;
        }

        struct TokenProof { uint32 index; uint32 token; bytes32 tokenSalt; bytes32 digestCommitment; bytes32[] siblings; }

        struct Terms {
            address signer; bytes32 model; bytes32 adapter; bytes32 profile; bytes32 sampler; bytes32 context; bool scored;
            bool allowPrefix;
        }

        error Malformed();
        error NotSigned();
        error Unexpected(bytes32 field);
        error NotProven();

        function digest(Receipt receipt) returns (bytes32);
        function isSigned(Receipt receipt, bytes signature) returns (bool);
        function check(Receipt receipt, bytes signature, Terms terms) returns (bytes32);
        function checkStep(Receipt receipt, bytes signature, Terms terms, StepProof proof) returns (bytes32);
        function checkToken(Receipt receipt, bytes signature, Terms terms, TokenProof proof) returns (bytes32);
        function contextOf(uint256 chainId, address contract_, bytes32 jobId, bytes32 previousDigest) returns (bytes32);

        function anchor(bytes32 root);
        function anchorOf(bytes32 root) returns (address by, uint64 time);
        function anchorOf(bytes32 digest, bytes32 root, bytes32[] proof) returns (address by, uint64 time);
        function isValidSignature(bytes32 hash, bytes signature) returns (bytes4);
    }
}

/// Whose transactions these are.
pub const CALLER: Address = Address::repeat_byte(0xca);
/// The chain's id.
pub const CHAIN: u64 = 31_337;

/// A chain with contracts on it.
pub struct Chain(MainnetEvm<MainnetContext<CacheDB<EmptyDB>>>);

/// A call that the contract refused: what it reverted with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reverted(pub Bytes);

impl Default for Chain {
    fn default() -> Self {
        Self::new()
    }
}

impl Chain {
    /// An empty chain.
    #[must_use]
    pub fn new() -> Self {
        let mut database = CacheDB::new(EmptyDB::default());
        database.insert_account_info(CALLER, AccountInfo::default());
        let context = Context::mainnet().with_db(database).modify_cfg_chained(|cfg| {
            cfg.chain_id = CHAIN;
            cfg.disable_nonce_check = true;
        });
        Chain(context.build_mainnet())
    }

    /// Deploys `out/NAME.json`.
    ///
    /// # Panics
    /// If it is not compiled, or its constructor fails.
    pub fn deploy(&mut self, name: &str) -> Address {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("../out/{name}.json"));
        let text = std::fs::read_to_string(&path)
            .unwrap_or_else(|e| panic!("{}: {e}; run compile.mjs", path.display()));
        let compiled: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        let code = attestlm::hex::decode("bytecode", compiled["bytecode"].as_str().expect("a bytecode"))
            .expect("hex");
        self.deploy_code(code)
    }

    /// Deploys what this code returns.
    ///
    /// # Panics
    /// If it fails.
    pub fn deploy_code(&mut self, code: Vec<u8>) -> Address {
        match self.transact(TxKind::Create, code.into()) {
            ExecutionResult::Success { output: Output::Create(_, Some(address)), .. } => address,
            other => panic!("not deployed: {other:?}"),
        }
    }

    /// Lets a contract's code stand at another address too, on a chain with another id: what it computed when it was deployed
    /// is not that place's.
    ///
    /// # Panics
    /// If there is no code.
    pub fn stand_at(&mut self, from: Address, to: Address, chain_id: u64) {
        let code =
            self.0.ctx.journaled_state.database.load_account(from).expect("an account").info.code.clone();
        let code = code.expect("code");
        let info = AccountInfo { code_hash: code.hash_slow(), code: Some(code), ..AccountInfo::default() };
        self.0.ctx.journaled_state.database.insert_account_info(to, info);
        self.0.ctx.cfg.chain_id = chain_id;
    }

    /// Calls a contract, and keeps what it changed: the answer, and the gas of the execution alone.
    ///
    /// # Errors
    /// What the contract reverted with.
    ///
    /// # Panics
    /// If the EVM itself fails, or the answer is none.
    pub fn call<C: SolCall>(&mut self, to: Address, call: &C) -> Result<(C::Return, u64), Reverted> {
        let data = call.abi_encode();
        // EIP-2028: what the transaction's data cost before anything is executed.
        let data_gas: u64 = data.iter().map(|byte| if *byte == 0 { 4 } else { 16 }).sum();
        match self.transact(TxKind::Call(to), data.into()) {
            ExecutionResult::Success { output: Output::Call(answer), gas, .. } => {
                let answer = C::abi_decode_returns(&answer).expect("the answer's form");
                Ok((answer, gas.total_gas_spent().saturating_sub(21_000 + data_gas)))
            }
            ExecutionResult::Revert { output, .. } => Err(Reverted(output)),
            other => panic!("{other:?}"),
        }
    }

    /// Calls a contract with data that need not be an encoding.
    ///
    /// # Errors
    /// What the contract reverted with.
    ///
    /// # Panics
    /// If the EVM itself fails.
    pub fn call_raw(&mut self, to: Address, data: Vec<u8>) -> Result<Bytes, Reverted> {
        match self.transact(TxKind::Call(to), data.into()) {
            ExecutionResult::Success { output: Output::Call(answer), .. } => Ok(answer),
            ExecutionResult::Revert { output, .. } => Err(Reverted(output)),
            other => panic!("{other:?}"),
        }
    }

    fn transact(&mut self, kind: TxKind, data: Bytes) -> ExecutionResult {
        let transaction = TxEnv::builder()
            .caller(CALLER)
            .chain_id(Some(self.0.ctx.cfg.chain_id))
            .kind(kind)
            .data(data)
            .gas_limit(15_000_000)
            .build()
            .expect("a transaction");
        let outcome = self.0.transact(transaction).expect("an outcome");
        self.0.commit(outcome.state);
        outcome.result
    }
}
