// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";

import {IAttestLM, Terms} from "./IAttestLM.sol";
import {Proofs, StepProof, TokenProof} from "./Proofs.sol";
import {Receipt, Receipts} from "./Receipts.sol";

/// @title AttestLM: the verifier of a chain
/// @notice What it answers, and what it does not, is in {IAttestLM}. Stateless: deployed once, it is what it is.
contract AttestLM is IAttestLM, EIP712("AttestLM", "1") {
    using Receipts for Receipt;
    using Proofs for Receipt;

    /// @dev What stands as the signature of a contract has so many bytes at most: no document holds more (section 2.2).
    uint256 private constant MAX_WALLET_SIGNATURE = 8192;
    bytes32 private constant LABEL_CONTEXT = keccak256("attestlm/receipt-1/context");

    /// @inheritdoc IAttestLM
    function digest(Receipt calldata receipt) public view returns (bytes32) {
        return _hashTypedDataV4(receipt.structHash());
    }

    /// @inheritdoc IAttestLM
    function isSigned(Receipt calldata receipt, bytes calldata signature) external view returns (bool) {
        return receipt.isWellFormed() && _isSigned(receipt.signer, digest(receipt), signature);
    }

    /// @inheritdoc IAttestLM
    function check(Receipt calldata receipt, bytes calldata signature, Terms calldata terms)
        public
        view
        returns (bytes32 hash)
    {
        require(receipt.isWellFormed(), Malformed());
        _expect(receipt, terms);
        hash = digest(receipt);
        require(_isSigned(receipt.signer, hash, signature), NotSigned());
    }

    /// @inheritdoc IAttestLM
    function checkStep(Receipt calldata receipt, bytes calldata signature, Terms calldata terms, StepProof calldata proof)
        external
        view
        returns (bytes32 hash)
    {
        hash = check(receipt, signature, terms);
        require(receipt.hasStep(proof), NotProven());
    }

    /// @inheritdoc IAttestLM
    function checkToken(
        Receipt calldata receipt,
        bytes calldata signature,
        Terms calldata terms,
        TokenProof calldata proof
    ) external view returns (bytes32 hash) {
        hash = check(receipt, signature, terms);
        require(receipt.hasToken(proof), NotProven());
    }

    /// @inheritdoc IAttestLM
    function contextOf(uint256 chainId, address contract_, bytes32 jobId, bytes32 previousDigest)
        external
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(LABEL_CONTEXT, chainId, contract_, jobId, previousDigest));
    }

    function _expect(Receipt calldata receipt, Terms calldata terms) private pure {
        require(receipt.kind == (terms.scored ? Receipts.SCORED : Receipts.GENERATED), Unexpected("kind"));
        require(terms.allowPrefix || receipt.finish != Receipts.CANCELLED, Unexpected("finish"));
        require(terms.signer == address(0) || terms.signer == receipt.signer, Unexpected("signer"));
        require(
            terms.model == 0 ? terms.adapter == 0 || terms.adapter == receipt.adapter : terms.adapter == receipt.adapter,
            Unexpected("adapter")
        );
        require(terms.model == 0 || terms.model == receipt.model, Unexpected("model"));
        require(terms.profile == 0 || terms.profile == receipt.profile, Unexpected("profile"));
        require(terms.sampler == 0 || terms.sampler == receipt.sampler, Unexpected("sampler"));
        require(terms.context == 0 || terms.context == receipt.context, Unexpected("context"));
    }

    /// @dev A key's signature first, also of an account with code; then the account's own word.
    function _isSigned(address signer, bytes32 hash, bytes calldata signature) private view returns (bool) {
        (address recovered, ECDSA.RecoverError failed,) = ECDSA.tryRecoverCalldata(hash, signature);
        if (failed == ECDSA.RecoverError.NoError && recovered == signer) {
            return true;
        }
        return signature.length <= MAX_WALLET_SIGNATURE && signer.code.length != 0
            && SignatureChecker.isValidERC1271SignatureNow(signer, hash, signature);
    }
}
