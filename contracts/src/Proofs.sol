// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {PositionalTree} from "./PositionalTree.sol";
import {Receipt, Receipts} from "./Receipts.sol";

/// One step of an output, with what leads to the receipt's `steps`: docs/spec/receipt-1.md, sections 10 and 11.4.
struct StepProof {
    uint32 count;
    uint32 index;
    uint8 kind;
    uint32 firstToken;
    uint32 endToken;
    bytes text;
    bytes32 salt;
    bytes32[] siblings;
}

/// One output token, with what leads to the receipt's `trace`: sections 9 and 11.4. The digest of its logits is opened or
/// not: opened, it lets a holder of the model confirm guesses of the tokens before.
struct TokenProof {
    uint32 index;
    uint32 token;
    bytes32 tokenSalt;
    bytes32 digestCommitment;
    bytes32[] siblings;
}

/// @title Proofs of parts of a receipt
/// @notice What a proof shows is what the receipt's signer claimed. It is no replay: that the model wrote the step is for
/// whoever replays the whole receipt to say.
library Proofs {
    // keccak256("attestlm/receipt-1/" and the name): section 3.
    bytes32 internal constant LABEL_STEP_TEXT = keccak256("attestlm/receipt-1/step-text");
    bytes32 internal constant LABEL_STEP_LEAF = keccak256("attestlm/receipt-1/step-leaf");
    bytes32 internal constant LABEL_STEPS_ROOT = keccak256("attestlm/receipt-1/steps-root");
    bytes32 internal constant LABEL_TRACE_TOKEN = keccak256("attestlm/receipt-1/trace-token");
    bytes32 internal constant LABEL_TRACE_LEAF = keccak256("attestlm/receipt-1/trace-leaf");
    bytes32 internal constant LABEL_TRACE_ROOT = keccak256("attestlm/receipt-1/trace-root");

    uint8 internal constant ANSWER = 0;
    uint8 internal constant REASONING = 1;

    /// @notice Whether the receipt's output has this step. Neither signature nor form are looked at.
    function hasStep(Receipt calldata receipt, StepProof calldata proof) internal pure returns (bool) {
        // Each read of a field checks its width: once is enough.
        (uint256 count, uint256 index, uint256 kind) = (proof.count, proof.index, proof.kind);
        (uint256 firstToken, uint256 endToken) = (proof.firstToken, proof.endToken);
        if (receipt.kind != Receipts.GENERATED) {
            return false;
        }
        unchecked {
            // The last step and no other is the answer, and ends the output. A reasoning step has a token, the answer may have none:
            // so many are left to the steps behind, and so many before.
            if (
                index + 1 == count
                    ? kind != ANSWER || firstToken > endToken || endToken != receipt.outputCount
                    : kind != REASONING || firstToken >= endToken || endToken + count > receipt.outputCount + index + 2
            ) {
                return false;
            }
            if (index == 0 ? firstToken != 0 : firstToken < index) {
                return false;
            }
        }
        // That index is below count, the tree checks.
        bytes32 text = keccak256(abi.encode(LABEL_STEP_TEXT, proof.salt, keccak256(proof.text)));
        bytes32 leaf = twice(abi.encode(LABEL_STEP_LEAF, index, kind, firstToken, endToken, text));
        bytes32 root = PositionalTree.rootOf(LABEL_STEPS_ROOT, count, index, leaf, proof.siblings);
        return root != 0 && root == receipt.steps;
    }

    /// @notice Whether the receipt's output has this token at this place. Neither signature nor form are looked at.
    function hasToken(Receipt calldata receipt, TokenProof calldata proof) internal pure returns (bool) {
        bytes32 token = keccak256(abi.encode(LABEL_TRACE_TOKEN, proof.tokenSalt, uint256(proof.token)));
        bytes32 leaf =
            twice(abi.encode(LABEL_TRACE_LEAF, uint256(proof.index), token, proof.digestCommitment));
        bytes32 root = PositionalTree.rootOf(LABEL_TRACE_ROOT, receipt.outputCount, proof.index, leaf, proof.siblings);
        return root != 0 && root == receipt.trace;
    }

    /// @dev Leaves are hashed twice: no node of 64 bytes passes for one.
    function twice(bytes memory words) private pure returns (bytes32 hash) {
        hash = keccak256(words);
        assembly ("memory-safe") {
            mstore(0, hash)
            hash := keccak256(0, 0x20)
        }
    }
}
