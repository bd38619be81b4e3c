// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

/// What an AttestLM receipt states: docs/spec/receipt-1.md, section 2. 17 words, whatever the length of the answer.
struct Receipt {
    uint8 kind;
    bytes32 model;
    bytes32 adapter;
    bytes32 profile;
    bytes32 sampler;
    bytes32 seed;
    bytes32 request;
    bytes32 prompt;
    bytes32 output;
    bytes32 trace;
    bytes32 steps;
    uint32 promptCount;
    uint32 outputCount;
    uint8 finish;
    uint64 issuedAt;
    bytes32 context;
    address signer;
}

/// @title Receipts: their hash, and the rules among their fields
library Receipts {
    /// @dev The type's hash as EIP-712 defines it.
    bytes32 internal constant TYPE_HASH = keccak256(
        "Receipt(uint8 kind,bytes32 model,bytes32 adapter,bytes32 profile,bytes32 sampler,bytes32 seed,bytes32 request,bytes32 prompt,bytes32 output,bytes32 trace,bytes32 steps,uint32 promptCount,uint32 outputCount,uint8 finish,uint64 issuedAt,bytes32 context,address signer)"
    );

    uint8 internal constant GENERATED = 0;
    uint8 internal constant SCORED = 1;
    /// @dev Finish of an output that was cancelled: only its prefix is claimed.
    uint8 internal constant CANCELLED = 5;
    /// @dev Finish of an output that was given, and only scored.
    uint8 internal constant FINISH_SCORED = 255;

    /// @notice hashStruct(receipt) of EIP-712.
    /// @dev A struct of static types lies in calldata as abi.encode lays it out, so it is copied whole. A word with bits
    /// beyond its field reverts, as where a field is read: nobody else could make the digest of it.
    function structHash(Receipt calldata receipt) internal pure returns (bytes32 hash) {
        bytes32 typeHash = TYPE_HASH;
        assembly ("memory-safe") {
            // kind and finish, promptCount and outputCount, issuedAt and signer.
            let beyond := or(shr(8, calldataload(receipt)), shr(8, calldataload(add(receipt, 0x1a0))))
            beyond := or(beyond, or(shr(32, calldataload(add(receipt, 0x160))), shr(32, calldataload(add(receipt, 0x180)))))
            beyond := or(beyond, or(shr(64, calldataload(add(receipt, 0x1c0))), shr(160, calldataload(add(receipt, 0x200)))))
            if beyond { revert(0, 0) }
            let free := mload(0x40)
            mstore(free, typeHash)
            calldatacopy(add(free, 0x20), receipt, 0x220)
            hash := keccak256(free, 0x240)
        }
    }

    /// @notice Whether the fields are those of a receipt that can be (section 2, "Form").
    function isWellFormed(Receipt calldata receipt) internal pure returns (bool) {
        if (
            receipt.model == 0 || receipt.profile == 0 || receipt.request == 0 || receipt.prompt == 0
                || receipt.output == 0 || receipt.trace == 0 || receipt.signer == address(0)
        ) {
            return false;
        }
        // Each read of a field checks its width: once is enough.
        (uint256 kind, uint256 finish) = (receipt.kind, receipt.finish);
        (uint256 promptCount, uint256 outputCount) = (receipt.promptCount, receipt.outputCount);
        unchecked {
            // The sum of two uint32 is far below 2^256.
            if (promptCount == 0 || promptCount + outputCount > type(uint32).max) {
                return false;
            }
        }
        if (kind == GENERATED) {
            return receipt.sampler != 0 && receipt.steps != 0 && finish <= CANCELLED
                && (outputCount != 0 || finish == CANCELLED);
        }
        return kind == SCORED && receipt.sampler == 0 && receipt.seed == 0 && receipt.steps == 0
            && finish == FINISH_SCORED && outputCount != 0;
    }
}
