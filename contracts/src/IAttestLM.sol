// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {Receipt} from "./Receipts.sol";
import {StepProof, TokenProof} from "./Proofs.sol";

/// What a caller demands of a receipt. Zero demands nothing, but for `adapter`: beside a model it is demanded as it stands,
/// zero for none, since a model with an adapter is another one.
struct Terms {
    address signer;
    bytes32 model;
    bytes32 adapter;
    bytes32 profile;
    bytes32 sampler;
    bytes32 context;
    /// A scored receipt is wanted: its output was given, and only its logits are claimed. Otherwise one is refused.
    bool scored;
    /// An output that was cancelled will do: only its prefix is claimed. Otherwise one is refused.
    bool allowPrefix;
}

/// @title AttestLM: what a contract can check of a receipt
/// @notice One verifier stands on each chain, without state and without an owner; every other contract calls it. Receipts
/// name it in their EIP-712 domain, so that a receipt for another chain or another verifier is none here.
///
/// A receipt that passes says: this signer states that this model, under this profile and sampling policy, wrote this output.
/// It is not a replay: no chain runs the model. Whoever holds the model can, and show the signer wrong.
interface IAttestLM {
    /// The fields are not those of any receipt (docs/spec/receipt-1.md, section 2).
    error Malformed();
    /// The signature is not the signer's, under this verifier's domain.
    error NotSigned();
    /// A demand of the terms is not met: the name of the field.
    error Unexpected(bytes32 field);
    /// The step or token is not part of the output.
    error NotProven();

    /// @notice The EIP-712 digest that the signer signs, under this verifier's domain.
    function digest(Receipt calldata receipt) external view returns (bytes32);

    /// @notice Whether the receipt has a valid form and the signature of its signer: of a key (65 bytes: r, s and v), or of a
    /// contract (ERC-1271), which has at most 8,192 bytes.
    function isSigned(Receipt calldata receipt, bytes calldata signature) external view returns (bool);

    /// @notice Checks form, signature and terms.
    /// @return hash The receipt's digest, by which it is known elsewhere.
    function check(Receipt calldata receipt, bytes calldata signature, Terms calldata terms)
        external
        view
        returns (bytes32 hash);

    /// @notice Checks as {check}, and that one step is part of the output. The step is the signer's claim, not a replay: demand
    /// a signer whose claims count.
    /// @return hash The receipt's digest.
    function checkStep(Receipt calldata receipt, bytes calldata signature, Terms calldata terms, StepProof calldata proof)
        external
        view
        returns (bytes32 hash);

    /// @notice As {checkStep}, of one output token.
    /// @return hash The receipt's digest.
    function checkToken(
        Receipt calldata receipt,
        bytes calldata signature,
        Terms calldata terms,
        TokenProof calldata proof
    ) external view returns (bytes32 hash);

    /// @notice The `context` of a receipt for a job, after another receipt (section 4.3): zeros where unused.
    function contextOf(uint256 chainId, address contract_, bytes32 jobId, bytes32 previousDigest)
        external
        pure
        returns (bytes32);
}
