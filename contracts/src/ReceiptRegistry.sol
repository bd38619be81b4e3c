// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";

/// @title ReceiptRegistry: when a receipt was there at the latest
/// @notice Anybody anchors the digest of a receipt, or the Merkle root of many at once. The first time counts: to anchor again
/// changes nothing. An anchor says nothing of what a receipt claims.
contract ReceiptRegistry {
    /// The first anchor of a digest or root.
    struct Anchor {
        address by;
        uint64 time;
    }

    /// A digest or a root was anchored for the first time.
    event Anchored(bytes32 indexed root, address indexed by);

    mapping(bytes32 root => Anchor) private _anchors;

    /// @notice Anchors a receipt's digest, or the root of a batch (leaves as OpenZeppelin's StandardMerkleTree has them:
    /// `keccak256(bytes.concat(keccak256(abi.encode(digest))))`, pairs sorted).
    function anchor(bytes32 root) external {
        Anchor storage first = _anchors[root];
        if (first.time == 0) {
            (first.by, first.time) = (msg.sender, uint64(block.timestamp));
            emit Anchored(root, msg.sender);
        }
    }

    /// @notice Who anchored a digest or root first, and when; zeros if nobody did.
    function anchorOf(bytes32 root) external view returns (address by, uint64 time) {
        Anchor storage first = _anchors[root];
        return (first.by, first.time);
    }

    /// @notice Who anchored a receipt as part of a batch first, and when; zeros if nobody did.
    /// @param proof Leads from the receipt's digest to the root.
    function anchorOf(bytes32 digest, bytes32 root, bytes32[] calldata proof)
        external
        view
        returns (address by, uint64 time)
    {
        bytes32 leaf = keccak256(bytes.concat(keccak256(abi.encode(digest))));
        if (MerkleProof.verifyCalldata(proof, root, leaf)) {
            Anchor storage first = _anchors[root];
            return (first.by, first.time);
        }
    }
}
